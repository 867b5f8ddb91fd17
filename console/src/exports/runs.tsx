import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { post } from "../api/http";
import type { ExportAnswer, RunAnswer } from "../api/schema";
import { Ago, Card, Empty, Failure, Loading, Tabs } from "../parts/parts";
import { bytes, cell, interval, number, seconds } from "../parts/show";
import { isWorking, useRunLogs, useRuns } from "./api";
import { Status } from "./strip";

/** The runs of an export, each with its logs a click away. */
export function Runs({ export_ }: { export_: ExportAnswer }) {
  const [status, setStatus] = useState<"" | "Completed" | "Failed" | "Running">("");
  const [opened, setOpened] = useState<string | null>(null);
  const runs = useRuns(export_.id, status);
  return (
    <Card
      title="Runs"
      actions={
        <Tabs
          label="Which runs"
          value={status}
          onChange={setStatus}
          options={[
            ["", "All"],
            ["Completed", "Completed"],
            ["Failed", "Failed"],
            ["Running", "Running"],
          ]}
        />
      }
    >
      {runs.isPending && <Loading />}
      {runs.error && <Failure error={runs.error} retry={() => runs.refetch()} />}
      {runs.data?.results.length === 0 && (
        <Empty title={status ? "No such run" : "No run yet"}>{status ? "Choose All to see the others." : "The first comes when the interval that goes on now has ended. A backfill does not wait for that."}</Empty>
      )}
      {runs.data && runs.data.results.length > 0 && (
        <div className="scroll runs">
          <table className="list">
            <thead>
              <tr>
                <th scope="col">Interval</th>
                <th scope="col">Status</th>
                <th scope="col" className="number">
                  Rows
                </th>
                <th scope="col" className="number">
                  Size
                </th>
                <th scope="col">Took</th>
                <th scope="col">
                  <span className="hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {runs.data.results.map((run) => (
                <Run key={run.id} run={run} export_={export_} isOpen={opened === run.id} onToggle={() => setOpened(opened === run.id ? null : run.id)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Run({ run, export_, isOpen, onToggle }: { run: RunAnswer; export_: ExportAnswer; isOpen: boolean; onToggle: () => void }) {
  const client = useQueryClient();
  const [fault, setFault] = useState<unknown>(null);
  const act = async (verb: "retry" | "cancel") => {
    try {
      await post(`batch_exports/${export_.id}/runs/${run.id}/${verb}/`);
      setFault(null);
    } catch (error) {
      setFault(error);
    }
    await client.invalidateQueries({ queryKey: ["exports"] });
  };
  return (
    <>
      <tr>
        <th scope="row">
          <button type="button" className="link" aria-expanded={isOpen} onClick={onToggle}>
            {interval(run.data_interval_start, run.data_interval_end, export_.timezone)}
          </button>
          {run.backfill && <small className="muted"> backfill</small>}
        </th>
        <td>
          <Status status={run.status} />
          {run.attempt > 1 && <small className="muted"> attempt {run.attempt}</small>}
        </td>
        <td className="number">
          <Progress run={run} />
        </td>
        <td className="number">{run.bytes_exported === null ? "" : bytes(run.bytes_exported)}</td>
        <td>{run.finished_at ? seconds((Date.parse(run.finished_at) - Date.parse(run.created_at)) / 1000) : <Ago at={run.created_at} />}</td>
        <td className="number">
          {isWorking(run) ? (
            <button type="button" className="quiet" onClick={() => act("cancel")}>
              Cancel
            </button>
          ) : (
            <button type="button" className="quiet" onClick={() => act("retry")}>
              Retry
            </button>
          )}
        </td>
      </tr>
      {(isOpen || fault !== null) && (
        <tr>
          <td colSpan={6}>
            {fault !== null && <Failure error={fault} />}
            {isOpen && <Details run={run} export_={export_} />}
          </td>
        </tr>
      )}
    </>
  );
}

function Progress({ run }: { run: RunAnswer }) {
  const { records_completed: done, records_total_count: total } = run;
  if (isWorking(run) && total) return <progress max={total} value={done ?? 0} aria-label={`${number(done ?? 0)} of ${number(total)} rows`} />;
  return <>{done === null ? "" : number(done)}</>;
}

/** What a run left: its error, its files, how its rows were counted, its log. */
function Details({ run, export_ }: { run: RunAnswer; export_: ExportAnswer }) {
  const logs = useRunLogs(export_.id, run);
  return (
    <div className="details">
      {run.latest_error && <p className="fault">{run.latest_error}</p>}
      {run.reconciliation && (
        <dl className="pairs inline">
          {Object.entries(run.reconciliation).map(([name, value]) => (
            <div key={name}>
              <dt>{name.replaceAll("_", " ")}</dt>
              <dd>{cell(value)}</dd>
            </div>
          ))}
        </dl>
      )}
      {run.files && run.files.length > 0 && (
        <ul className="files">
          {run.files.map((file) => (
            <li key={file}>
              <code>{file}</code>
            </li>
          ))}
        </ul>
      )}
      {logs.error && <Failure error={logs.error} />}
      {logs.data?.length === 0 && <p className="muted">Nothing in the log.</p>}
      <ol className="logs">
        {[...(logs.data ?? [])].reverse().map((line, index) => (
          <li key={index} className={line.level.toLowerCase()}>
            <time dateTime={line.timestamp}>{line.timestamp.slice(11, 19)}</time> <b>{line.level}</b> {line.message}
          </li>
        ))}
      </ol>
    </div>
  );
}
