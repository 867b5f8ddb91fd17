import { inProject, call } from "./http";

/** A query object of any kind, as PostHog writes it. */
export type Query = { kind: string; source?: Query; query?: string; [field: string]: unknown };

/** What a HogQL query answers. */
export type Rows = {
  columns: string[];
  types: [string, string][];
  results: unknown[][];
  hasMore: boolean;
  hogql: string;
  timings?: { k: string; t: number }[];
};

/** One line of a trend. */
export type Series = {
  label: string;
  data: number[];
  days: string[];
  labels: string[];
  count: number;
  aggregated_value?: number;
  breakdown_value?: unknown;
  compare_label?: string;
  status?: string;
};

export type FunnelStep = {
  name: string;
  custom_name: string | null;
  order: number;
  count: number;
  average_conversion_time: number | null;
  breakdown_value?: unknown;
};

export type Cohort = { label: string; date: string; values: { count: number; label: string }[] };
export type Issue = {
  id: string;
  name: string;
  description: string | null;
  first_seen: string;
  last_seen: string;
  aggregations: { occurrences: number; sessions: number; users: number };
};
export type Trace = {
  id: string;
  createdAt: string;
  distinctId: string;
  traceName: string | null;
  totalLatency: number | null;
  totalCost: number | null;
  inputTokens: number | null;
  outputTokens: number | null;
  errorCount: number;
};
export type Edge = { source: string; target: string; value: number; average_conversion_time: number };

/** An answer of any kind; `results` is read by the query's kind. */
export type Answer = { results: unknown; hogql?: string; last_refresh?: string; is_cached?: boolean };

/** What a dashboard lays over the queries of its tiles. */
export type Filters = { date_from?: string | null; date_to?: string | null };

type Asking = { fresh?: boolean; signal?: AbortSignal; filters?: Filters | undefined };

/** Run a query. `fresh` computes it again; `filters` are laid over its own. */
export const ask = <T = Answer>(query: Query, { fresh = false, signal, filters }: Asking = {}) =>
  call<T>("POST", inProject("query/"), { query, refresh: fresh ? "force_blocking" : "blocking", filters_override: filters }, signal);

export const askHogQL = (text: string, options: Asking = {}) =>
  ask<Rows>({ kind: "HogQLQuery", query: text }, options);

/** The query inside its display wrappers. */
export function inner(query: Query): Query {
  return query.source && ["InsightVizNode", "DataVisualizationNode", "DataTableNode"].includes(query.kind)
    ? inner(query.source)
    : query;
}
