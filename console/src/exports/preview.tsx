import { useQuery } from "@tanstack/react-query";
import { post } from "../api/http";
import type { PreviewAnswer } from "../api/schema";
import { Table } from "../charts/table";
import { Card, Failure, Loading } from "../parts/parts";
import { plural } from "../parts/show";
import type { Values } from "./schema-form";

type Previewed = { model: string; hogql_query?: string; destination: { type: string; config: Values } };

/** A few of the rows that the export would send now, in the columns it would send. */
export function Preview({ body }: { body: Previewed }) {
  const isReady = body.model !== "hogql" || (body.hogql_query ?? "").trim() !== "";
  const { include_events = [], exclude_events = [] } = body.destination.config;
  const asked = { model: body.model, hogql_query: body.hogql_query, destination: { type: "NoOp", config: { include_events, exclude_events } } };
  const rows = useQuery({
    queryKey: ["preview", asked],
    queryFn: () => post<PreviewAnswer>("batch_exports/preview/", asked),
    enabled: isReady,
    retry: false,
  });
  return (
    <Card title="Rows like these">
      {!isReady && <p className="muted">Write the query to see its rows.</p>}
      {rows.isLoading && <Loading />}
      {rows.error && <Failure error={rows.error} />}
      {rows.data?.rows.length === 0 && <p className="muted">No row of the last week matches.</p>}
      {rows.data && rows.data.rows.length > 0 && (
        <>
          <p className="muted">{plural(rows.data.count, "row")} in the last week; the first of them:</p>
          <Table columns={rows.data.columns} rows={rows.data.rows.map((row) => rows.data.columns.map((column) => row[column]))} height={330} />
        </>
      )}
    </Card>
  );
}
