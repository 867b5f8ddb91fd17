import { useQuery } from "@tanstack/react-query";
import { get } from "../api/http";
import type { BackfillAnswer, CursorPage_BackfillAnswer, CursorPage_RunAnswer, DestinationKind, ExportAnswer, LogAnswer, Page_ExportAnswer, RunAnswer } from "../api/schema";

export const WORKING: ReadonlySet<string> = new Set(["Starting", "Running"]);

/** How long until the next look: soon while something runs. */
const soon = (runs: { status: string }[] | undefined): number => (runs?.some((run) => WORKING.has(run.status)) ? 1_000 : 10_000);

export const useExports = () =>
  useQuery({
    queryKey: ["exports"],
    queryFn: () => get<Page_ExportAnswer>("batch_exports/?limit=200"),
    refetchInterval: ({ state }) => soon(state.data?.results.flatMap((each) => each.latest_runs)),
  });

export const useExport = (id: string) =>
  useQuery({
    queryKey: ["exports", id],
    queryFn: () => get<ExportAnswer>(`batch_exports/${id}/`),
    refetchInterval: ({ state }) => soon(state.data?.latest_runs),
  });

/** The runs of the last weeks, newest interval first. */
export const useRuns = (id: string, status: string) =>
  useQuery({
    queryKey: ["exports", id, "runs", status],
    queryFn: () => get<CursorPage_RunAnswer>(`batch_exports/${id}/runs/?limit=100&after=-60d${status ? `&status=${status}` : ""}`),
    refetchInterval: ({ state }) => soon(state.data?.results),
  });

export const useBackfills = (id: string) =>
  useQuery({
    queryKey: ["exports", id, "backfills"],
    queryFn: () => get<CursorPage_BackfillAnswer>(`batch_exports/${id}/backfills/?limit=20`),
    refetchInterval: ({ state }) => soon(state.data?.results),
  });

export const useRunLogs = (id: string, run: RunAnswer) =>
  useQuery({
    queryKey: ["exports", id, "logs", run.id],
    queryFn: () => get<LogAnswer[]>(`batch_exports/${id}/runs/${run.id}/logs/?limit=200`),
    refetchInterval: WORKING.has(run.status) ? 1_000 : false,
  });

export const useDestinations = () =>
  useQuery({ queryKey: ["destinations"], queryFn: () => get<DestinationKind[]>("batch_exports/destinations/"), staleTime: Infinity });

export const isWorking = (each: RunAnswer | BackfillAnswer): boolean => WORKING.has(each.status);
