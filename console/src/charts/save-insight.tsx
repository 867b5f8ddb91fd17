import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Link } from "wouter";
import { get, post } from "../api/http";
import { inner, type Query } from "../api/query";
import { Dialog, Failure, Field } from "../parts/parts";

export const INSIGHTS = ["insights"];

/** Keeps a query under a name, to be found again under Data. */
export function SaveInsight({ query, name }: { query: Query; name: string }) {
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <button type="button" className="quiet" onClick={() => setAsking(true)}>
        Save
      </button>
      {isAsking && <Naming query={query} name={name} onClose={() => setAsking(false)} />}
    </>
  );
}

function Naming({ query, name: given, onClose }: { query: Query; name: string; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(given);
  const [board, setBoard] = useState("");
  const boards = useQuery({ queryKey: ["dashboards", ""], queryFn: () => get<{ results: { id: number; name: string | null }[] }>("dashboards/?limit=200") });
  const [saved, setSaved] = useState<{ short_id: string } | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    try {
      setSaved(await post<{ short_id: string }>("insights/", { name: name.trim(), query: wrapped(query), saved: true, dashboards: board ? [Number(board)] : [] }));
      setFault(null);
    } catch (error) {
      setFault(error);
      return;
    }
    await Promise.all([INSIGHTS, ["dashboards"]].map((queryKey) => client.invalidateQueries({ queryKey })));
  };
  return (
    <Dialog title={saved ? "Saved" : "Save as insight"} onClose={onClose}>
      {saved ? (
        <p>
          “{name.trim()}” is under <Link href={`/data/insights/${saved.short_id}`}>Data, Insights</Link>.
        </p>
      ) : (
        <form onSubmit={save}>
          <Field label="Name" required>
            {(id) => <input id={id} value={name} onChange={(event) => setName(event.target.value)} autoFocus />}
          </Field>
          {boards.data && boards.data.results.length > 0 && (
            <Field label="Dashboard">
              {(id) => (
                <select id={id} value={board} onChange={(event) => setBoard(event.target.value)}>
                  <option value="">None</option>
                  {boards.data.results.map((each) => (
                    <option key={each.id} value={each.id}>
                      {each.name || "Unnamed"}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          )}
          {fault !== null && <Failure error={fault} />}
          <div className="row end">
            <button type="button" onClick={onClose}>
              Cancel
            </button>
            <button type="submit" className="primary" disabled={!name.trim()}>
              Save insight
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

/** A query as PostHog keeps it in an insight: inside the node that says how it is shown. */
function wrapped(query: Query): Query {
  const source = inner(query);
  return { kind: source.kind === "HogQLQuery" ? "DataVisualizationNode" : "InsightVizNode", source };
}
