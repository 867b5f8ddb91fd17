import { useState } from "react";
import type { Message, ToolCall } from "./types";

/** A tool call with what it gave back, if it has. */
export type Step = { id: string; call: ToolCall; result: string | null; progress: string | null };

const TITLES: Record<string, string> = {
  read_taxonomy: "Looked up names of events and properties",
  read_data: "Read the schema",
  execute_sql: "Ran SQL",
  create_insight: "Made a chart",
  create_form: "Asked back",
};

const title = ({ call }: Step): string => {
  const plain = call.name.replaceAll("_", " ");
  return TITLES[call.name] ?? plain.charAt(0).toUpperCase() + plain.slice(1);
};

/** The steps of each assistant message, by its id. */
export function stepsOf(messages: Message[], progress: Record<string, string>): Map<string, Step[]> {
  const results = new Map<string, string>();
  for (const message of messages) if (message.type === "tool") results.set(message.tool_call_id, message.content);
  return new Map(
    messages.flatMap((message) =>
      message.type === "ai" && message.tool_calls?.length
        ? [[message.id, message.tool_calls.map((call) => ({ id: call.id, call, result: results.get(call.id) ?? null, progress: progress[call.id] ?? null }))]]
        : [],
    ),
  );
}

/** What the assistant did on the way, folded. */
export function Steps({ steps, isRunning }: { steps: Step[]; isRunning: boolean }) {
  const current = steps.findLast((step) => step.result === null);
  return (
    <details className="steps">
      <summary>
        {isRunning && <i className="pulse" />}
        {isRunning && current ? (current.progress ?? `${title(current)} …`) : [...new Set(steps.map(title))].join(" · ")}
      </summary>
      <ol>
        {steps.map((step) => (
          <OneStep key={step.id} step={step} />
        ))}
      </ol>
    </details>
  );
}

function OneStep({ step }: { step: Step }) {
  const [isWhole, setWhole] = useState(false);
  const result = step.result ?? "";
  const asked = typeof step.call.args.query === "string" ? step.call.args.query : JSON.stringify(step.call.args, null, 1);
  return (
    <li>
      <strong>{title(step)}</strong>
      {Object.keys(step.call.args).length > 0 && <pre>{asked}</pre>}
      {result && <pre className="muted">{isWhole ? result : result.slice(0, 600)}</pre>}
      {result.length > 600 && (
        <button type="button" className="quiet" onClick={() => setWhole(!isWhole)}>
          {isWhole ? "Less" : "All of it"}
        </button>
      )}
    </li>
  );
}
