import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { ApiError, post, remove } from "../api/http";
import type { ExportAnswer } from "../api/schema";
import { Card, Confirm, Dialog, Empty, Failure, Heading, Loading } from "../parts/parts";
import { cell, moment } from "../parts/show";
import { useExport } from "./api";
import { Backfills } from "./backfills";
import { Runs } from "./runs";
import { Strip } from "./strip";
import { StoredTest } from "./test-steps";
import { Verification } from "./verification";

/** One export: its state, its runs, what to do with it. */
export function ExportPage({ id }: { id: string }) {
  const found = useExport(id);
  const [doing, setDoing] = useState<"unpause" | "delete" | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const act = async (work: Promise<unknown>, then?: () => void) => {
    try {
      await work;
      setFault(null);
      setDoing(null);
      then?.();
    } catch (error) {
      setFault(error);
      setDoing(null);
    }
    await client.invalidateQueries({ queryKey: ["exports"] });
  };
  if (found.error instanceof ApiError && found.error.status === 404)
    return (
      <Empty title="This export is not here" action={<Link href="/exports" className="button">All exports</Link>}>
        It was deleted, or belongs to another project.
      </Empty>
    );
  if (found.error) return <Failure error={found.error} retry={() => found.refetch()} />;
  if (!found.data) return <Loading lines={6} />;
  const export_ = found.data;
  const path = `batch_exports/${id}/`;
  return (
    <>
      <Link href="/exports" className="back">
        ‹ Exports
      </Link>
      <Heading title={export_.name} sub={<Summary export_={export_} />}>
        {export_.paused ? (
          <button type="button" className="primary" onClick={() => setDoing("unpause")}>
            Unpause
          </button>
        ) : (
          <button type="button" onClick={() => act(post(`${path}pause/`))}>
            Pause
          </button>
        )}
        <Link href={`/exports/${id}/edit`} className="button">
          Edit
        </Link>
        <button type="button" className="danger" onClick={() => setDoing("delete")}>
          Delete
        </button>
      </Heading>
      {fault !== null && <Failure error={fault} />}
      {export_.paused && <p className="note">Paused{export_.last_paused_at && <> since {moment(export_.last_paused_at)}</>}: no run is planned until it is unpaused.</p>}
      <Runs export_={export_} />
      <div className="columns">
        <div>
          <Backfills export_={export_} />
          <Verification export_={export_} />
        </div>
        <div>
          <Card title="Destination">
            <Inputs export_={export_} />
          </Card>
          <StoredTest export_={export_} />
        </div>
      </div>
      {doing === "unpause" && (
        <Dialog title={`Unpause ${export_.name}?`} onClose={() => setDoing(null)}>
          <p>
            Rows that came while it was paused{export_.last_paused_at && <>, since {moment(export_.last_paused_at)},</>} have not been exported. Export them now, or go on from the interval that runs
            now?
          </p>
          <div className="row end">
            <button type="button" onClick={() => act(post(`${path}unpause/`, { backfill: false }))}>
              Go on from now
            </button>
            <button type="button" className="primary" onClick={() => act(post(`${path}unpause/`, { backfill: true }))} autoFocus>
              Export them too
            </button>
          </div>
        </Dialog>
      )}
      {doing === "delete" && (
        <Confirm title={`Delete ${export_.name}?`} act="Delete" onClose={() => setDoing(null)} onConfirm={() => act(remove(path), () => navigate("/exports"))}>
          Runs in progress are cancelled. What was delivered stays where it is.
        </Confirm>
      )}
    </>
  );
}

function Summary({ export_ }: { export_: ExportAnswer }) {
  const when = export_.interval.startsWith("every") ? export_.interval : `every ${export_.interval}`;
  return (
    <>
      {export_.model} → {export_.destination.type}, {when}
      {export_.timezone !== "UTC" && `, in ${export_.timezone}`} <Strip runs={export_.latest_runs} />
    </>
  );
}

function Inputs({ export_ }: { export_: ExportAnswer }) {
  const inputs = Object.entries(export_.destination.config).filter(([, value]) => value !== null && value !== "" && !(Array.isArray(value) && value.length === 0));
  return (
    <dl className="pairs">
      {inputs.map(([name, value]) => (
        <div key={name}>
          <dt>{name.replaceAll("_", " ")}</dt>
          <dd>{cell(value)}</dd>
        </div>
      ))}
      {export_.hogql_query && (
        <div>
          <dt>query</dt>
          <dd>
            <code>{export_.hogql_query}</code>
          </dd>
        </div>
      )}
    </dl>
  );
}
