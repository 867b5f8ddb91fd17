import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { post, reason } from "../api/http";
import type { BackfillAnswer, BackfillCreated, ExportAnswer } from "../api/schema";
import { Ago, Card, Field } from "../parts/parts";
import { date, number } from "../parts/show";
import { isWorking, useBackfills } from "./api";
import { Status } from "./strip";

/** Export a range of time again, and how far that is. */
export function Backfills({ export_ }: { export_: ExportAnswer }) {
  const backfills = useBackfills(export_.id);
  return (
    <Card title="Backfills">
      <NewBackfill export_={export_} />
      <ul className="backfills">
        {backfills.data?.results.map((each) => (
          <Backfill key={each.id} backfill={each} />
        ))}
      </ul>
    </Card>
  );
}

function NewBackfill({ export_ }: { export_: ExportAnswer }) {
  const client = useQueryClient();
  const [fault, setFault] = useState<string | null>(null);
  const start = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const bound = (name: string) => (form.get(name) ? String(form.get(name)) : null);
    try {
      await post<BackfillCreated>(`batch_exports/${export_.id}/backfills/`, { start_at: bound("start"), end_at: bound("end"), resend: form.has("resend") });
      setFault(null);
    } catch (error) {
      setFault(reason(error));
    }
    await client.invalidateQueries({ queryKey: ["exports", export_.id] });
  };
  const days = ["day", "week"].includes(export_.interval);
  const today = new Date().toISOString().slice(0, days ? 10 : 16);
  const weekAgo = new Date(Date.now() - 7 * 86_400_000).toISOString().slice(0, days ? 10 : 16);
  return (
    <form onSubmit={start} className="backfill-form">
      <Field label="From">{(id) => <input id={id} name="start" type={days ? "date" : "datetime-local"} defaultValue={weekAgo} />}</Field>
      <Field label="To">{(id) => <input id={id} name="end" type={days ? "date" : "datetime-local"} defaultValue={today} />}</Field>
      <button type="submit">Backfill</button>
      <label className="check">
        <input type="checkbox" name="resend" /> also rows that were delivered already
      </label>
      {fault && (
        <p role="alert" className="fault">
          {fault}
        </p>
      )}
    </form>
  );
}

function Backfill({ backfill }: { backfill: BackfillAnswer }) {
  const client = useQueryClient();
  const cancel = async () => {
    await post(`batch_exports/${backfill.batch_export}/backfills/${backfill.id}/cancel/`).catch(() => undefined);
    await client.invalidateQueries({ queryKey: ["exports", backfill.batch_export] });
  };
  const { progress } = backfill;
  return (
    <li>
      <div className="row">
        <span>
          {backfill.start_at ? date(backfill.start_at) : "The beginning"} – {backfill.end_at ? date(backfill.end_at) : "now"}
        </span>
        <Status status={backfill.status} />
        <small className="muted">
          {backfill.total_records_count !== null && `${number(backfill.total_records_count)} rows · `}
          <Ago at={backfill.finished_at ?? backfill.created_at} />
        </small>
        {isWorking(backfill) && (
          <button type="button" className="quiet" onClick={cancel}>
            Cancel
          </button>
        )}
      </div>
      {isWorking(backfill) && progress?.total_runs ? (
        <div className="row">
          <progress max={progress.total_runs} value={progress.finished_runs ?? 0} aria-label="Progress of the backfill" />
          <small className="muted">
            {progress.finished_runs} of {progress.total_runs} runs
          </small>
        </div>
      ) : null}
    </li>
  );
}
