import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { Link, useLocation } from "wouter";
import { ApiError, get, patch } from "../api/http";
import type { Query } from "../api/query";
import { QueryCard } from "../charts/query-card";
import { INSIGHTS } from "../charts/save-insight";
import { opening } from "../charts/table";
import { Ago, Dialog, Empty, Failure, Loading } from "../parts/parts";

type Insight = { id: number; short_id: string; name: string | null; description: string | null; query: Query; last_modified_at: string };

/** Saved queries, found by their name. */
export function Insights() {
  const [, navigate] = useLocation();
  const [search, setSearch] = useState("");
  const sought = useDeferredValue(search.trim());
  const insights = useQuery({
    queryKey: [...INSIGHTS, sought],
    queryFn: ({ signal }) => get<{ count: number; results: Insight[] }>(`insights/?saved=true&limit=200&search=${encodeURIComponent(sought)}`, signal),
    placeholderData: (before) => before,
  });
  return (
    <>
      <input data-search type="search" className="search" aria-label="Search insights" placeholder="Name" value={search} onChange={(event) => setSearch(event.target.value)} />
      {insights.isPending && <Loading lines={6} />}
      {insights.error && <Failure error={insights.error} retry={() => insights.refetch()} />}
      {insights.data?.results.length === 0 && (
        <Empty title={sought ? "Nothing found" : "No insights yet"}>{sought ? "No insight has these words in its name." : "Save a chart from a conversation, or a query under SQL: it is kept here."}</Empty>
      )}
      {insights.data && insights.data.results.length > 0 && (
        <div className="scroll">
          <table className="list">
            <thead>
              <tr>
                <th scope="col">Insight</th>
                <th scope="col">Changed</th>
              </tr>
            </thead>
            <tbody>
              {insights.data.results.map((each) => (
                <tr key={each.id} {...opening(() => navigate(`/data/insights/${each.short_id}`))}>
                  <th scope="row">{title(each)}</th>
                  <td>
                    <Ago at={each.last_modified_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

/** One saved query: its chart now; change its name, or delete it. */
export function OneInsight({ id }: { id: string }) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [isDoomed, setDoomed] = useState(false);
  const [fault, setFault] = useState<unknown>(null);
  const path = `insights/${encodeURIComponent(id)}/`;
  const insight = useQuery({ queryKey: [...INSIGHTS, "one", id], queryFn: () => get<Insight>(path) });
  if (insight.error instanceof ApiError && insight.error.status === 404)
    return (
      <Empty title="There is no such insight" action={<Link href="/data/insights" className="button">Insights</Link>}>
        It was deleted, or it belongs to another project.
      </Empty>
    );
  if (insight.error) return <Failure error={insight.error} retry={() => insight.refetch()} />;
  if (!insight.data) return <Loading lines={8} />;
  const { name, description, query } = insight.data;
  const change = async (values: Partial<Insight> & { deleted?: true }) => {
    try {
      await patch(path, values);
      setFault(null);
    } catch (error) {
      setFault(error);
      return false;
    }
    await client.invalidateQueries({ queryKey: INSIGHTS });
    return true;
  };
  return (
    <>
      <div className="row wrap">
        <Link href="/data/insights" className="back">
          ‹ Insights
        </Link>
        <input
          aria-label="Name of the insight"
          className="search"
          key={name}
          defaultValue={name ?? ""}
          onBlur={(event) => event.target.value.trim() !== (name ?? "") && void change({ name: event.target.value.trim() })}
          onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
        />
        <button type="button" className="danger" onClick={() => setDoomed(true)}>
          Delete
        </button>
      </div>
      {fault !== null && <Failure error={fault} />}
      <QueryCard query={query} name={title(insight.data)} description={description ?? ""} onSave={(edited) => change({ query: edited })} />
      {isDoomed && (
        <Dialog title="Delete this insight?" onClose={() => setDoomed(false)}>
          <p>“{title(insight.data)}” leaves the list. The events it counts stay.</p>
          <div className="row end">
            <button type="button" onClick={() => setDoomed(false)}>
              Keep it
            </button>
            <button type="button" className="danger" onClick={async () => (await change({ deleted: true })) && navigate("/data/insights")}>
              Delete
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

const title = (insight: Insight): string => insight.name || "Unnamed";
