import { useState } from "react";
import { post, reason } from "../api/http";
import type { DestinationKind, ExportAnswer, StepAnswer } from "../api/schema";
import { Card } from "../parts/parts";
import { useDestinations } from "./api";

type Outcome = { status: "Waiting" | "Checking" | "Passed" | "Failed" | "Skipped"; message?: string | null };

/** Test a connection, step by step as one watches. A failed step ends the test: what follows needs it. */
export function TestSteps({ kind, run }: { kind: DestinationKind; run: (step: number) => Promise<StepAnswer> }) {
  const [outcomes, setOutcomes] = useState<Outcome[] | null>(null);
  const isBusy = outcomes?.some((each) => each.status === "Checking") ?? false;
  const start = async () => {
    const all: Outcome[] = kind.steps.map(() => ({ status: "Waiting" }));
    const show = (step: number, outcome: Outcome) => {
      all[step] = outcome;
      setOutcomes([...all]);
    };
    for (const step of kind.steps.keys()) {
      show(step, { status: "Checking" });
      const outcome = await run(step).then(
        (answer): Outcome => answer.result ?? { status: "Skipped" },
        (error: unknown): Outcome => ({ status: "Failed", message: reason(error) }),
      );
      show(step, outcome);
      if (outcome.status === "Failed") break;
    }
  };
  return (
    <div className="test">
      <button type="button" onClick={start} disabled={isBusy}>
        {isBusy ? "Testing …" : "Test connection"}
      </button>
      <ol aria-live="polite">
        {kind.steps.map((step, index) => {
          const outcome = outcomes?.[index];
          return (
            <li key={step.name} className={outcome?.status.toLowerCase()}>
              <span className="mark" aria-hidden="true" />
              <div>
                <strong>{step.name}</strong> {outcome && outcome.status !== "Waiting" && <span className="muted">{outcome.status}</span>}
                <p className={outcome?.status === "Failed" ? "fault" : "muted"}>{outcome?.message ?? step.description}</p>
              </div>
            </li>
          );
        })}
      </ol>
    </div>
  );
}

/** The test of an export that is stored, with its stored secrets. */
export function StoredTest({ export_ }: { export_: ExportAnswer }) {
  const kinds = useDestinations();
  const kind = kinds.data?.find((each) => each.type === export_.destination.type);
  if (!kind) return null;
  return (
    <Card title="Connection">
      <TestSteps kind={kind} run={(step) => post<StepAnswer>(`batch_exports/${export_.id}/run_test_step/`, { step })} />
    </Card>
  );
}
