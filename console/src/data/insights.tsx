import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { ApiError, get, patch } from "../api/http";
import type { Query } from "../api/query";
import { QueryCard } from "../charts/query-card";
import { INSIGHTS } from "../charts/save-insight";
import { Confirm, Empty, Failure, Loading } from "../parts/parts";
import { Kept, Name, title, type Named } from "./kept";

type Insight = Named & { short_id: string; description: string | null; query: Query };

/** Saved queries, found by their name. */
export const Insights = () => (
  <Kept<Insight>
    kind="insights"
    asked="saved=true&"
    empty="Save a chart from a conversation, or a query under SQL: it is kept here."
    address={(each) => `/data/insights/${each.short_id}`}
  />
);

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
        <Name label="Name of the insight" name={name} onChange={(changed) => void change({ name: changed })} />
        <button type="button" className="danger" onClick={() => setDoomed(true)}>
          Delete
        </button>
      </div>
      {fault !== null && <Failure error={fault} />}
      <QueryCard query={query} name={title(insight.data)} description={description ?? ""} onSave={(edited) => change({ query: edited })} />
      {isDoomed && (
        <Confirm title="Delete this insight?" act="Delete" onClose={() => setDoomed(false)} onConfirm={async () => (await change({ deleted: true })) && navigate("/data/insights")}>
          “{title(insight.data)}” leaves the list. The events it counts stay.
        </Confirm>
      )}
    </>
  );
}
