import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent, type KeyboardEvent } from "react";
import { post, reason } from "../api/http";
import { cell } from "../parts/show";

/** Whose properties: a person or a group. */
export type Subject = { kind: "person"; id: string } | { kind: "group"; index: number; id: string };

const setting = (subject: Subject, key: string, value: unknown): Promise<unknown> =>
  subject.kind === "person"
    ? post(`persons/${encodeURIComponent(subject.id)}/update_property/`, { key, value })
    : post(`groups/update_property/?group_type_index=${subject.index}&group_key=${encodeURIComponent(subject.id)}`, { key, value });

const unsetting = (subject: Subject, key: string): Promise<unknown> =>
  subject.kind === "person"
    ? post(`persons/${encodeURIComponent(subject.id)}/delete_property/`, { $unset: key })
    : post(`groups/delete_property/?group_type_index=${subject.index}&group_key=${encodeURIComponent(subject.id)}`, { $unset: key });

/** The properties, edited where they stand. */
export function Properties({ subject, properties }: { subject: Subject; properties: Record<string, unknown> }) {
  const client = useQueryClient();
  const [search, setSearch] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const change = async (work: Promise<unknown>) => {
    try {
      await work;
      setFault(null);
    } catch (error) {
      setFault(reason(error));
    }
    await client.invalidateQueries({ queryKey: ["profile"] });
  };
  const add = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const [key, value] = ["key", "value"].map((field) => String(new FormData(form).get(field) ?? "").trim());
    if (!key || !value) return;
    form.reset();
    void change(setting(subject, key, parsed(value)));
  };
  const entries = Object.entries(properties).toSorted(([a], [b]) => a.localeCompare(b));
  const shown = entries.filter(([key, value]) => `${key} ${cell(value)}`.toLowerCase().includes(search.toLowerCase()));
  return (
    <div className="properties">
      {entries.length > 12 && <input type="search" aria-label="Search properties" placeholder="Search properties" value={search} onChange={(event) => setSearch(event.target.value)} />}
      {fault && (
        <p role="alert" className="fault">
          {fault}
        </p>
      )}
      <dl>
        {shown.map(([key, value]) => (
          <Property key={key} name={key} value={value} onSet={(next) => change(setting(subject, key, next))} onUnset={() => change(unsetting(subject, key))} />
        ))}
      </dl>
      <form className="row" onSubmit={add} style={{ marginTop: 10 }}>
        <input name="key" aria-label="New property" placeholder="property" />
        <input name="value" aria-label="Its value" placeholder="value" />
        <button type="submit">Add</button>
      </form>
    </div>
  );
}

function Property({ name, value, onSet, onUnset }: { name: string; value: unknown; onSet: (value: unknown) => void; onUnset: () => void }) {
  const [draft, setDraft] = useState<string | null>(null);
  const save = () => {
    if (draft !== null && draft !== written(value)) onSet(parsed(draft));
    setDraft(null);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key === "Enter") save();
    if (event.key === "Escape") setDraft(null);
  };
  return (
    <div className="property">
      <dt>{name}</dt>
      <dd>
        {draft === null ? (
          <button type="button" className="link" title="Edit" onClick={() => setDraft(written(value))}>
            {cell(value) || "–"}
          </button>
        ) : (
          <input aria-label={name} value={draft} autoFocus onChange={(event) => setDraft(event.target.value)} onBlur={save} onKeyDown={pressed} />
        )}
      </dd>
      <dd>
        <button type="button" className="quiet" aria-label={`Remove ${name}`} onClick={onUnset}>
          ✕
        </button>
      </dd>
    </div>
  );
}

const written = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** What was typed, as a number, a truth value or JSON where it is one; text otherwise. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
