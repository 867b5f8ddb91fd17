import { useMutation } from "@tanstack/react-query";
import { post } from "../api/http";
import type { ExportAnswer, RunVerification, Verification as Found } from "../api/schema";
import { Card, Failure } from "../parts/parts";
import { interval, number, plural } from "../parts/show";

/** Reads the destination again and says whether it holds what the runs delivered. */
export function Verification({ export_ }: { export_: ExportAnswer }) {
  const check = useMutation({ mutationFn: () => post<Found>(`batch_exports/${export_.id}/verify/`) });
  const found = check.data;
  const wrong = found?.runs.filter((run) => run.problem || run.missing + run.extra + run.doubled > 0) ?? [];
  return (
    <Card
      title="Reconciliation"
      actions={
        <button type="button" onClick={() => check.mutate()} disabled={check.isPending}>
          {check.isPending ? "Reading …" : "Read the destination"}
        </button>
      }
    >
      {check.error && <Failure error={check.error} />}
      {!found && !check.error && <p className="muted">Counts what the destination holds of the completed runs, row by row, against what was sent.</p>}
      {found && (
        <>
          <p className={found.matches ? "status good" : "status bad"}>
            {found.matches ? `All ${plural(found.rows_found, "row")} are there, each once.` : `${number(found.rows_found)} of ${plural(found.rows_expected, "row")} found.`}
          </p>
          <dl className="pairs inline">
            {(["missing", "extra", "doubled"] as const).map((name) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{number(found[name])}</dd>
              </div>
            ))}
          </dl>
          <ul className="lines">
            {wrong.slice(0, 10).map((run) => (
              <Wrong key={run.run} run={run} timezone={export_.timezone} />
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

function Wrong({ run, timezone }: { run: RunVerification; timezone: string }) {
  return (
    <li>
      <span>{interval(run.data_interval_start, run.data_interval_end, timezone)}</span>
      <span className="fault">{run.problem ?? `${number(run.missing)} missing, ${number(run.extra)} extra, ${number(run.doubled)} doubled`}</span>
    </li>
  );
}
