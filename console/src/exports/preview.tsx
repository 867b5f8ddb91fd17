import { useQuery } from "@tanstack/react-query";
import { askHogQL } from "../api/query";
import { Table } from "../charts/table";
import { Card, Failure, Loading } from "../parts/parts";
import type { Values } from "./schema-form";

const TEXTS: Record<string, string> = {
  persons: "SELECT id, properties, created_at FROM persons ORDER BY created_at DESC LIMIT 5",
  sessions: "SELECT session_id, distinct_id, $start_timestamp, $end_timestamp FROM sessions ORDER BY $start_timestamp DESC LIMIT 5",
};

/** A few of the rows that would leave now. */
export function Preview({ model, query, config }: { model: string; query: string; config: Values }) {
  const text = model === "hogql" ? query : (TEXTS[model] ?? events(config));
  const rows = useQuery({
    queryKey: ["preview", text],
    queryFn: ({ signal }) => askHogQL(text, { signal }),
    enabled: text.trim() !== "",
    retry: false,
  });
  return (
    <Card title="Rows like these">
      {text.trim() === "" && <p className="muted">Write the query to see its rows.</p>}
      {rows.isLoading && <Loading />}
      {rows.error && <Failure error={rows.error} />}
      {rows.data?.results.length === 0 && <p className="muted">No row matches now.</p>}
      {rows.data && rows.data.results.length > 0 && <Table columns={rows.data.columns} rows={rows.data.results.slice(0, 5)} height={220} />}
    </Card>
  );
}

function events({ include_events, exclude_events }: Values): string {
  const listed = (names: unknown) => (names as string[]).map((name) => `'${name.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`).join(", ");
  const conditions = [
    Array.isArray(include_events) && include_events.length > 0 ? `event IN (${listed(include_events)})` : "",
    Array.isArray(exclude_events) && exclude_events.length > 0 ? `event NOT IN (${listed(exclude_events)})` : "",
  ].filter(Boolean);
  return `SELECT event, timestamp, distinct_id, properties FROM events WHERE timestamp > now() - INTERVAL 30 DAY${conditions.map((each) => ` AND ${each}`).join("")} ORDER BY timestamp DESC LIMIT 5`;
}
