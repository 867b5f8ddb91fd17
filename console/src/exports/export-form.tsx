import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Link, useLocation } from "wouter";
import { ApiError, patch, post } from "../api/http";
import type { DestinationKind, ExportAnswer, StepAnswer } from "../api/schema";
import { Card, Failure, Field, Heading, Loading } from "../parts/parts";
import { useDestinations, useExport } from "./api";
import { Preview } from "./preview";
import { SchemaForm, sent, type Input, type Values } from "./schema-form";
import { TestSteps } from "./test-steps";

const INTERVALS = ["every 5 minutes", "every 15 minutes", "hour", "day", "week"];
const MODELS = ["events", "persons", "sessions", "hogql"];

type Draft = { name: string; model: string; interval: string; timezone: string; hogql_query: string; type: string; config: Values };

export function NewExport() {
  const kinds = useDestinations();
  if (kinds.error) return <Failure error={kinds.error} retry={() => kinds.refetch()} />;
  if (!kinds.data) return <Loading lines={8} />;
  const draft: Draft = { name: "", model: "events", interval: "hour", timezone: "UTC", hogql_query: "", type: kinds.data[0]?.type ?? "", config: {} };
  return <ExportForm kinds={kinds.data} start={draft} stored={null} />;
}

export function EditExport({ id }: { id: string }) {
  const kinds = useDestinations();
  const found = useExport(id);
  const error = kinds.error ?? found.error;
  if (error) return <Failure error={error} />;
  if (!kinds.data || !found.data) return <Loading lines={8} />;
  const { name, model, interval, timezone, hogql_query, destination } = found.data;
  const draft: Draft = { name, model, interval, timezone, hogql_query: hogql_query ?? "", type: destination.type, config: destination.config };
  return <ExportForm kinds={kinds.data} start={draft} stored={found.data} />;
}

function ExportForm({ kinds, start, stored }: { kinds: DestinationKind[]; start: Draft; stored: ExportAnswer | null }) {
  const [draft, setDraft] = useState(start);
  const [fault, setFault] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const kind = kinds.find((each) => each.type === draft.type);
  const set = (change: Partial<Draft>) => setDraft((before) => ({ ...before, ...change }));
  const faultOf = (field: string) => (fault?.attr === field ? fault.message : null);
  const body = () => ({
    name: draft.name,
    interval: draft.interval,
    timezone: draft.timezone,
    ...(stored ? {} : { model: draft.model }),
    ...(draft.model === "hogql" ? { hogql_query: draft.hogql_query } : {}),
    destination: { type: draft.type, config: sent(draft.config) },
  });

  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      const saved = await (stored ? patch<ExportAnswer>(`batch_exports/${stored.id}/`, body()) : post<ExportAnswer>("batch_exports/", body()));
      await client.invalidateQueries({ queryKey: ["exports"] });
      navigate(`/exports/${saved.id}`);
    } catch (error) {
      setFault(error instanceof ApiError ? error : new ApiError(0, "error", String(error), null));
      setBusy(false);
    }
  };
  const test = (step: number) =>
    stored
      ? post<StepAnswer>(`batch_exports/${stored.id}/run_test_step/`, { step, destination: { type: draft.type, config: sent(draft.config) } })
      : post<StepAnswer>("batch_exports/run_test_step_new/", { ...body(), name: draft.name || "test", step });
  return (
    <>
      <Link href={stored ? `/exports/${stored.id}` : "/exports"} className="back">
        ‹ {stored ? stored.name : "Exports"}
      </Link>
      <Heading title={stored ? `Edit ${stored.name}` : "New export"} />
      <form className="export-form" onSubmit={save}>
        <div>
          <Card title="What and when">
            <Field label="Name" required error={faultOf("name")}>
              {(id) => <input id={id} value={draft.name} required autoFocus={!stored} onChange={(event) => set({ name: event.target.value })} />}
            </Field>
            <div className="row wrap">
              <Field label="Rows" error={faultOf("model")} help={stored ? "Fixed: make another export for other rows." : undefined}>
                {(id) => (
                  <select id={id} value={draft.model} disabled={stored !== null} onChange={(event) => set({ model: event.target.value })}>
                    {MODELS.filter((model) => !kind?.models.length || kind.models.includes(model)).map((model) => (
                      <option key={model} value={model}>
                        {model === "hogql" ? "a HogQL query" : model}
                      </option>
                    ))}
                  </select>
                )}
              </Field>
              <Field label="Every" error={faultOf("interval")}>
                {(id) => (
                  <select id={id} value={draft.interval} onChange={(event) => set({ interval: event.target.value })}>
                    {INTERVALS.map((interval) => (
                      <option key={interval} value={interval}>
                        {interval.replace("every ", "")}
                      </option>
                    ))}
                  </select>
                )}
              </Field>
              <Field label="Time zone" error={faultOf("timezone")}>
                {(id) => <input id={id} value={draft.timezone} list="zones" onChange={(event) => set({ timezone: event.target.value })} />}
              </Field>
              <datalist id="zones">
                {Intl.supportedValuesOf("timeZone").map((zone) => (
                  <option key={zone}>{zone}</option>
                ))}
              </datalist>
            </div>
            {draft.model === "hogql" && (
              <Field label="HogQL query" required error={faultOf("hogql_query")}>
                {(id) => <textarea id={id} className="code" rows={5} spellCheck={false} value={draft.hogql_query} onChange={(event) => set({ hogql_query: event.target.value })} />}
              </Field>
            )}
          </Card>
          <Card title="Destination">
            {!stored && (
              <div className="kinds" role="radiogroup" aria-label="Destination">
                {kinds.map((each) => (
                  <label key={each.type} title={each.description}>
                    <input type="radio" name="kind" checked={each.type === draft.type} onChange={() => set({ type: each.type, config: {} })} />
                    <span>{each.type}</span>
                  </label>
                ))}
              </div>
            )}
            {kind && (
              <>
                <p className="muted">{kind.description}</p>
                <SchemaForm key={kind.type} schema={kind.inputs as Input} values={draft.config} isStored={stored !== null} onChange={(config) => set({ config })} />
              </>
            )}
          </Card>
          {fault && <Failure error={fault} />}
          <div className="row">
            <button type="submit" className="primary" disabled={isBusy}>
              {isBusy ? "Saving …" : stored ? "Save" : "Create export"}
            </button>
            <Link href={stored ? `/exports/${stored.id}` : "/exports"} className="button">
              Cancel
            </Link>
          </div>
        </div>
        <div>
          <Card title="Connection">{kind && <TestSteps key={`${kind.type}`} kind={kind} run={test} />}</Card>
          <Preview body={{ ...body(), model: draft.model }} />
        </div>
      </form>
    </>
  );
}
