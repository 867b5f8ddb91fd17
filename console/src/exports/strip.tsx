import type { RunAnswer } from "../api/schema";
import { moment, number } from "../parts/show";

const TONES: Record<string, string> = { Completed: "good", Starting: "busy", Running: "busy", Cancelled: "still", Terminated: "still" };

export const tone = (status: string): string => TONES[status] ?? "bad";

/** The last runs, oldest first, one mark each. */
export function Strip({ runs }: { runs: RunAnswer[] }) {
  const shown = [...runs].reverse();
  if (shown.length === 0) return <span className="muted">no run yet</span>;
  const failed = shown.filter((run) => tone(run.status) === "bad").length;
  return (
    <span className="strip" role="img" aria-label={`Last ${shown.length} runs: ${failed} failed`}>
      {shown.map((run) => (
        <i key={run.id} className={tone(run.status)} title={`${run.status}, up to ${moment(run.data_interval_end)}${run.records_completed === null ? "" : `, ${number(run.records_completed)} rows`}`} />
      ))}
    </span>
  );
}

export function Status({ status }: { status: string }) {
  return <span className={`status ${tone(status)}`}>{status}</span>;
}
