import { useQuery } from "@tanstack/react-query";
import { useRef, useState, type ReactNode } from "react";
import { Link } from "wouter";
import { ask, inner, type Answer, type Filters, type Query } from "../api/query";
import { csv, download, save } from "../parts/show";
import { Failure, Loading } from "../parts/parts";
import { Chart, tableOf } from "./chart";
import { QueryEditor } from "./query-editor";
import { SaveInsight } from "./save-insight";
import { Table } from "./table";

type Given = {
  query: Query;
  name: string;
  description?: string;
  /** Keeps an edited query where the given one came from; without it, the query can be saved as an insight. */
  onSave?: (query: Query) => Promise<boolean>;
  /** Filters of a dashboard, laid over the query's own. */
  filters?: Filters;
  /** More buttons, and where the name leads. */
  actions?: ReactNode;
  href?: string;
};

/** A chart with the query behind it: open it, edit it, run it again, save it, take the rows or the picture away. */
export function QueryCard({ query: given, name, description, onSave, filters, actions, href }: Given) {
  const card = useRef<HTMLElement>(null);
  const [edited, setEdited] = useState<Query | null>(null);
  const query = edited ?? given;
  const [opened, setOpened] = useState<"query" | "table" | null>(null);
  const answer = useQuery<Answer>({
    queryKey: ["query", query, filters],
    queryFn: ({ signal }) => ask(inner(query), { signal, filters }),
    staleTime: 60_000,
    placeholderData: (before) => before,
  });
  const toggle = (panel: "query" | "table") => setOpened((before) => (before === panel ? null : panel));
  return (
    <section ref={card} className="card query-card" aria-label={name}>
      <header>
        <h3>
          {href ? <Link href={href}>{name}</Link> : name}
          {edited && <small className="muted"> · edited</small>}
        </h3>
        <div className="row">
          <button type="button" className="quiet" aria-expanded={opened === "query"} onClick={() => toggle("query")}>
            Query
          </button>
          {hasTable(query) && (
            <button type="button" className="quiet" aria-expanded={opened === "table"} onClick={() => toggle("table")}>
              Table
            </button>
          )}
          <SaveRows query={query} answer={answer.data} name={name} />
          {answer.data && (
            <button type="button" className="quiet" onClick={() => takePicture(card.current, name)}>
              PNG
            </button>
          )}
          {!onSave && !href && <SaveInsight query={query} name={name} />}
          <button type="button" className="quiet" onClick={() => answer.refetch()} disabled={answer.isFetching}>
            {answer.isFetching ? "Running …" : "Rerun"}
          </button>
          {actions}
        </div>
      </header>
      {description && <p className="muted">{description}</p>}
      {opened === "query" && (
        <div className="query-tools">
          <QueryEditor query={query} error={answer.error} onRun={setEdited} />
          {edited && (
            <button type="button" className="quiet" onClick={() => setEdited(null)}>
              {onSave ? "Back to the saved query" : "Back to the assistant’s query"}
            </button>
          )}{" "}
          {edited && onSave && (
            <button type="button" onClick={async () => (await onSave(around(given, edited))) && setEdited(null)}>
              Save this query
            </button>
          )}{" "}
          <OpenInData query={query} hogql={answer.data?.hogql} />
        </div>
      )}
      {answer.isPending ? <Loading lines={6} /> : null}
      {answer.error && opened !== "query" && <Failure error={answer.error} retry={() => answer.refetch()} />}
      {answer.data && !answer.error && (opened === "table" ? <Rows query={query} answer={answer.data} /> : <Chart query={query} answer={answer.data} />)}
    </section>
  );
}

async function takePicture(card: HTMLElement | null, name: string): Promise<void> {
  const { picture } = await import("./picture");
  if (card) save(`${name}.png`, await picture(card));
}

/** An edited query in the wrapper of the one it came from. */
const around = (given: Query, edited: Query): Query => (given.source && inner(given) !== given ? { ...given, source: inner(edited) } : edited);

// Rows of SQL are a table already.
const hasTable = (query: Query): boolean => inner(query).kind !== "HogQLQuery";

function Rows({ query, answer }: { query: Query; answer: Answer }) {
  const table = tableOf(query, answer);
  return table ? <Table {...table} /> : null;
}

function SaveRows({ query, answer, name }: { query: Query; answer: Answer | undefined; name: string }) {
  const table = answer && tableOf(query, answer);
  if (!table) return null;
  return (
    <button type="button" className="quiet" onClick={() => download(`${name}.csv`, csv(table.columns, table.rows))}>
      CSV
    </button>
  );
}

function OpenInData({ query, hogql }: { query: Query; hogql: string | undefined }) {
  const text = inner(query).query ?? hogql;
  return text ? (
    <Link href={`/data/sql?query=${encodeURIComponent(text)}`} className="button quiet">
      Open as SQL in Data
    </Link>
  ) : null;
}
