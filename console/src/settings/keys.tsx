import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { call } from "../api/http";
import type { KeyAnswer, NewKeyAnswer } from "../api/schema";
import { Ago, Card, Confirm, Copyable, Dialog, Failure, Field, Loading } from "../parts/parts";

const KEYS = ["personal-api-keys"];
const PATH = "/api/personal_api_keys/";

/** What the API's endpoints ask for, in the words of this console. */
const OBJECTS: [string, string][] = [
  ["query", "Queries"],
  ["insight", "Insights"],
  ["batch_export", "Exports"],
  ["conversation", "Conversations"],
  ["person", "People"],
  ["group", "Groups"],
  ["event_definition", "Event names"],
  ["property_definition", "Property names"],
  ["customer_profile_config", "Profile pages"],
  ["usage_metric", "Usage metrics"],
  ["project", "Project"],
  ["organization_member", "Members"],
  ["activity_log", "Activity log"],
];

/** The personal API keys of who is signed in: make one with what it may do, roll it, delete it. */
export function Keys() {
  const client = useQueryClient();
  const keys = useQuery({ queryKey: KEYS, queryFn: () => call<KeyAnswer[]>("GET", PATH) });
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<NewKeyAnswer | null>(null);
  const [doomed, setDoomed] = useState<KeyAnswer | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const change = async (work: Promise<NewKeyAnswer | void>) => {
    try {
      setMade((await work) ?? null);
      setFault(null);
      setDoomed(null);
    } catch (error) {
      setFault(error);
    }
    await client.invalidateQueries({ queryKey: KEYS });
  };
  return (
    <Card
      title="Personal API keys"
      actions={
        <button type="button" onClick={() => setMaking(true)}>
          New key
        </button>
      }
    >
      {made && (
        <div className="note" role="status">
          <p>The value of “{made.label}”, shown only now:</p>
          <Copyable text={made.value} label={`the key ${made.label}`} />
        </div>
      )}
      {fault !== null && <Failure error={fault} />}
      {keys.isPending && <Loading />}
      {keys.error && <Failure error={keys.error} retry={() => keys.refetch()} />}
      {keys.data?.length === 0 && <p className="muted">None. A key lets a program read and change this project through the API.</p>}
      <ul className="lines">
        {keys.data?.map((key) => (
          <li key={key.id}>
            <div style={{ flex: 1, minWidth: 0, overflowWrap: "anywhere" }}>
              <strong>{key.label}</strong> <code className="muted">{key.mask_value}</code>
              <div className="muted">
                {key.scopes.includes("*") ? "everything" : key.scopes.join(", ")} · {key.last_used_at ? <>used <Ago at={key.last_used_at} /></> : "never used"}
              </div>
            </div>
            <button type="button" className="quiet" aria-label={`Roll ${key.label}`} onClick={() => change(call<NewKeyAnswer>("POST", `${PATH}${key.id}/roll/`, {}))}>
              Roll
            </button>
            <button type="button" className="icon" aria-label={`Delete ${key.label}`} onClick={() => setDoomed(key)}>
              ✕
            </button>
          </li>
        ))}
      </ul>
      {isMaking && (
        <NewKey
          onClose={() => setMaking(false)}
          onMade={(key) => {
            setMaking(false);
            void change(Promise.resolve(key));
          }}
        />
      )}
      {doomed && (
        <Confirm title="Delete this key?" act="Delete" onClose={() => setDoomed(null)} onConfirm={() => change(call<void>("DELETE", `${PATH}${doomed.id}/`))}>
          Programs that use “{doomed.label}” are refused from now on.
        </Confirm>
      )}
    </Card>
  );
}

function NewKey({ onClose, onMade }: { onClose: () => void; onMade: (key: NewKeyAnswer) => void }) {
  const [label, setLabel] = useState("");
  const [isAll, setAll] = useState(false);
  const [verbs, setVerbs] = useState<Record<string, string>>({});
  const [fault, setFault] = useState<unknown>(null);
  const scopes = isAll ? ["*"] : Object.entries(verbs).flatMap(([object, verb]) => (verb ? [`${object}:${verb}`] : []));
  const make = async (event: FormEvent) => {
    event.preventDefault();
    try {
      onMade(await call<NewKeyAnswer>("POST", PATH, { label: label.trim(), scopes }));
    } catch (error) {
      setFault(error);
    }
  };
  return (
    <Dialog title="New personal API key" onClose={onClose}>
      <form onSubmit={make} className="new-key">
        <Field label="Label" required help="What it is for, such as “nightly report”.">
          {(id) => <input id={id} value={label} maxLength={40} onChange={(event) => setLabel(event.target.value)} autoFocus />}
        </Field>
        <label className="check">
          <input type="checkbox" checked={isAll} onChange={(event) => setAll(event.target.checked)} /> may do everything
        </label>
        {!isAll && (
          <fieldset className="scopes">
            <legend>May</legend>
            {OBJECTS.map(([object, title]) => (
              <label key={object}>
                {title}
                <select value={verbs[object] ?? ""} onChange={(event) => setVerbs({ ...verbs, [object]: event.target.value })}>
                  <option value="">no access</option>
                  <option value="read">read</option>
                  <option value="write">read and write</option>
                </select>
              </label>
            ))}
          </fieldset>
        )}
        {fault !== null && <Failure error={fault} />}
        <div className="row end">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={!label.trim() || scopes.length === 0}>
            Create key
          </button>
        </div>
      </form>
    </Dialog>
  );
}
