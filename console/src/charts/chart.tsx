import { inner, type Answer, type Cohort, type Edge, type FunnelStep, type Issue, type Query, type Rows, type Series, type Trace } from "../api/query";
import { cell, isDate } from "../parts/show";
import { Lines } from "./lines";
import { Bars, Funnel, Paths, Retention, Single, trendRows } from "./shapes";
import { Table } from "./table";

/** An answer in the shape that its query asks for. */
export function Chart({ query, answer }: { query: Query; answer: Answer }) {
  const asked = inner(query);
  const { results } = answer;
  if (Array.isArray(results) && results.length === 0) return <p className="muted">No rows: nothing matches in this range.</p>;
  switch (asked.kind) {
    case "TrendsQuery":
      return <Trend query={asked} series={results as Series[]} />;
    case "LifecycleQuery":
    case "StickinessQuery":
      return <Lines series={results as Series[]} bars={asked.kind === "StickinessQuery"} />;
    case "FunnelsQuery":
      return isTrend(results) ? <Lines series={results as Series[]} /> : <Funnel steps={results as FunnelStep[]} />;
    case "RetentionQuery":
      return <Retention cohorts={results as Cohort[]} />;
    case "PathsQuery":
      return <Paths edges={results as Edge[]} />;
    case "HogQLQuery":
      return <RowsChart rows={answer as Rows} />;
    default: {
      const table = tableOf(query, answer);
      return table ? <Table {...table} /> : <pre className="scroll">{JSON.stringify(results, null, 2)}</pre>;
    }
  }
}

const isTrend = (results: unknown): boolean => Array.isArray(results) && "data" in (results[0] as object);

function Trend({ query, series }: { query: Query; series: Series[] }) {
  const { display } = (query.trendsFilter ?? {}) as { display?: string };
  const [first] = series;
  if (!first) return null;
  const totals = series.map((each) => ({ name: each.label, value: each.aggregated_value ?? each.count }));
  if (first.aggregated_value !== undefined)
    return series.length === 1 ? <Single value={first.aggregated_value} label={first.label} /> : <Bars rows={totals} share />;
  if (display === "ActionsTable") return <Table {...trendRows(series)} />;
  return <Lines series={series} bars={display === "ActionsBar"} />;
}

/** Rows of SQL: a number, a line or bars when they have that shape, and the table. */
export function RowsChart({ rows }: { rows: Rows }) {
  const { columns, results } = rows;
  if (columns.length === 1 && results.length === 1 && typeof results[0]?.[0] === "number")
    return <Single value={results[0][0]} label={columns[0] ?? ""} />;
  return (
    <>
      <Drawn rows={rows} />
      <Table columns={columns} rows={results} />
    </>
  );
}

function Drawn({ rows: { columns, results } }: { rows: Rows }) {
  const numbers = columns.map((_, index) => index).filter((index) => index > 0 && results.every((row) => typeof row[index] === "number"));
  if (numbers.length === 0 || results.length < 2) return null;
  const keys = results.map((row) => String(row[0] ?? ""));
  if (keys.every(isDate) && new Set(keys).size === keys.length) {
    const sorted = [...results].sort((a, b) => String(a[0]).localeCompare(String(b[0])));
    const days = sorted.map((row) => String(row[0]));
    const series = numbers.map((index) => {
      const data = sorted.map((row) => row[index] as number);
      return { label: columns[index] ?? "", data, days, labels: days.map((day) => cell(day)), count: data.reduce((a, b) => a + b, 0) };
    });
    return <Lines series={series} />;
  }
  const [measure] = numbers;
  if (measure === undefined || results.length > 25 || keys.some((key) => key.length > 60)) return null;
  return <Bars rows={results.map((row) => ({ name: cell(row[0]), value: row[measure] as number }))} />;
}

/** The table behind any answer that has one. */
export function tableOf(query: Query, answer: Answer): { columns: string[]; rows: unknown[][] } | null {
  const { results } = answer;
  switch (inner(query).kind) {
    case "HogQLQuery":
      return { columns: (answer as Rows).columns, rows: (answer as Rows).results };
    case "TrendsQuery":
    case "LifecycleQuery":
    case "StickinessQuery":
      return trendRows(results as Series[]);
    case "FunnelsQuery":
      return isTrend(results)
        ? trendRows(results as Series[])
        : {
            columns: ["breakdown", "step", "name", "count"],
            rows: (results as (FunnelStep | FunnelStep[])[]).flat().map((step) => [step.breakdown_value, step.order + 1, step.custom_name ?? step.name, step.count]),
          };
    case "RetentionQuery":
      return {
        columns: ["cohort", ...((results as Cohort[])[0]?.values ?? []).map((value) => value.label)],
        rows: (results as Cohort[]).map((cohort) => [cohort.date.slice(0, 10), ...cohort.values.map((value) => value.count)]),
      };
    case "PathsQuery":
      return { columns: ["source", "target", "value"], rows: (results as Edge[]).map((edge) => [edge.source, edge.target, edge.value]) };
    case "ErrorTrackingQuery":
      return {
        columns: ["issue", "message", "occurrences", "users", "sessions", "last seen"],
        rows: (results as Issue[]).map(({ name, description, aggregations: counted, last_seen }) => [
          ...[name, description, counted.occurrences, counted.users, counted.sessions, last_seen],
        ]),
      };
    case "TracesQuery":
    case "TraceQuery":
      return {
        columns: ["trace", "name", "began", "person", "tokens in", "tokens out", "cost in $", "seconds", "errors"],
        rows: (results as Trace[]).map((each) => [
          ...[each.id, each.traceName, each.createdAt, each.distinctId, each.inputTokens, each.outputTokens],
          ...[each.totalCost, each.totalLatency, each.errorCount],
        ]),
      };
    default:
      return null;
  }
}
