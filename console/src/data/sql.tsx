import { useMutation, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { useSearchParams } from "wouter";
import { ask, askHogQL } from "../api/query";
import { RowsChart } from "../charts/chart";
import { runs } from "../charts/query-editor";
import { SaveInsight } from "../charts/save-insight";
import { Card, Failure, Loading } from "../parts/parts";
import { csv, download, number, seconds } from "../parts/show";

const FIRST = `SELECT toDate(timestamp) AS day, count() AS events, uniq(person_id) AS people
FROM events
WHERE timestamp > now() - INTERVAL 30 DAY
GROUP BY day
ORDER BY day`;

type Notice = { message: string; start: number | null; end: number | null };
type Metadata = { isValid: boolean; errors: Notice[]; warnings: Notice[] };
type Schema = { tables: Record<string, { fields: Record<string, { name: string; type: string }> }> };

/** HogQL: written with its faults marked as one types, run, drawn. */
export function Sql() {
  const [search, setSearch] = useSearchParams();
  const [text, setText] = useState(search.get("query") ?? FIRST);
  const checked = useDeferredValue(text);
  const metadata = useQuery({
    queryKey: ["metadata", checked],
    queryFn: ({ signal }) => ask<Metadata>({ kind: "HogQLMetadata", language: "hogQL", query: checked }, { signal }),
    enabled: checked.trim() !== "",
    staleTime: Infinity,
    retry: false,
  });
  const rows = useMutation({ mutationFn: (query: string) => askHogQL(query, { fresh: true }) });
  const { mutate } = rows;
  const run = () => {
    setSearch({ query: text }, { replace: true });
    mutate(text);
  };
  useEffect(() => mutate(text), [mutate]); // once, with the text it starts with
  const errors = checked === text ? (metadata.data?.errors ?? []) : [];
  const took = rows.data?.timings?.at(-1)?.t;
  return (
    <div className="sql">
      <Card>
        <MarkedText text={text} errors={errors} onChange={setText} onRun={run} />
        {errors.map((error) => (
          <p key={error.message} role="alert" className="fault">
            {where(text, error.start)}
            {error.message}
          </p>
        ))}
        <div className="row wrap">
          <button type="button" className="primary" onClick={run} disabled={rows.isPending}>
            {rows.isPending ? "Running …" : "Run"} <kbd>Ctrl Enter</kbd>
          </button>
          {rows.data && (
            <>
              <span className="muted">
                {number(rows.data.results.length)} {rows.data.hasMore ? "rows, and more" : "rows"}
                {took !== undefined && ` in ${seconds(took)}`}
              </span>
              <button type="button" className="quiet" onClick={() => download("rows.csv", csv(rows.data.columns, rows.data.results))}>
                CSV
              </button>
              <SaveInsight query={{ kind: "HogQLQuery", query: rows.variables }} name="" />
            </>
          )}
        </div>
      </Card>
      {rows.error && errors.length === 0 && <Failure error={rows.error} retry={run} />}
      {rows.isPending && <Loading lines={6} />}
      {rows.data && !rows.isPending && (
        <Card>
          <RowsChart rows={rows.data} />
        </Card>
      )}
    </div>
  );
}

/** "Line 3, column 8: " of a place in a text. */
function where(text: string, start: number | null): string {
  if (start === null) return "";
  const before = text.slice(0, start).split("\n");
  return `Line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: `;
}

/** A text whose faults are underlined, with the names of tables and columns to complete. */
function MarkedText({ text, errors, onChange, onRun }: { text: string; errors: Notice[]; onChange: (text: string) => void; onRun: () => void }) {
  const area = useRef<HTMLTextAreaElement>(null);
  const [place, setPlace] = useState(0);
  const names = useNames();
  const word = /[\w$.]+$/.exec(text.slice(0, place))?.[0] ?? "";
  const last = word.split(".").at(-1) ?? "";
  const found = last.length < 2 ? [] : names.filter((name) => name.toLowerCase().startsWith(last.toLowerCase()) && name !== last).slice(0, 8);
  const complete = (name: string) => {
    const from = place - last.length;
    onChange(text.slice(0, from) + name + text.slice(place));
    const to = from + name.length;
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(to, to);
      setPlace(to);
    });
  };
  const pressed = (event: KeyboardEvent) => {
    const [first] = found;
    if (event.key === "Tab" && !event.shiftKey && first) {
      event.preventDefault();
      complete(first);
    } else runs(onRun)(event);
  };
  return (
    <>
      <div className="marked">
        <pre aria-hidden="true">{marked(text, errors)}</pre>
        <textarea
          ref={area}
          aria-label="HogQL"
          spellCheck={false}
          rows={Math.min(24, Math.max(6, text.split("\n").length + 1))}
          value={text}
          onChange={(event) => {
            onChange(event.target.value);
            setPlace(event.target.selectionStart);
          }}
          onKeyDown={pressed}
        />
      </div>
      {found.length > 0 && (
        <div className="row wrap" aria-label="Names to complete">
          <kbd>Tab</kbd>
          {found.map((name) => (
            <button key={name} type="button" className="quiet" onClick={() => complete(name)}>
              <code>{name}</code>
            </button>
          ))}
        </div>
      )}
    </>
  );
}

function marked(text: string, errors: Notice[]) {
  const [first] = errors.filter((error) => error.start !== null);
  if (!first || first.start === null) return text;
  const end = Math.max(first.end ?? 0, first.start + 1);
  return (
    <>
      {text.slice(0, first.start)}
      <mark>{text.slice(first.start, end) || " "}</mark>
      {text.slice(end)}
    </>
  );
}

/** The names that a query can use: tables and their columns. */
function useNames(): string[] {
  const schema = useQuery({ queryKey: ["schema"], queryFn: () => ask<Schema>({ kind: "DatabaseSchemaQuery" }), staleTime: Infinity });
  return useMemo(() => {
    const tables = Object.entries(schema.data?.tables ?? {});
    return [...new Set(tables.flatMap(([table, { fields }]) => [table, ...Object.keys(fields)]))].sort();
  }, [schema.data]);
}
