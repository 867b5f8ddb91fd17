import { lazy, Suspense, useState, type FormEvent } from "react";
import { Field, Loading } from "../parts/parts";
import type { Approval, Message, Resume, ToolCall } from "./types";

const Markdown = lazy(() => import("../parts/markdown"));

const DECIDED = { approved: "Approved", rejected: "Rejected", auto_rejected: "Not decided: the conversation went on" };

/** What the assistant wants to do and may not without a person's yes. */
export function Approvals({ approvals, isRunning, onAnswer }: { approvals: Approval[]; isRunning: boolean; onAnswer: (resume: Resume) => void }) {
  return (
    <>
      {approvals.map((approval) => (
        <OneApproval key={approval.proposal_id} approval={approval} isRunning={isRunning} onAnswer={onAnswer} />
      ))}
    </>
  );
}

function OneApproval({ approval, isRunning, onAnswer }: { approval: Approval; isRunning: boolean; onAnswer: (resume: Resume) => void }) {
  const { proposal_id, decision_status, preview } = approval;
  if (decision_status !== "pending") return <p className="muted decided">{DECIDED[decision_status]}: {approval.tool_name.replaceAll("_", " ")}</p>;
  return (
    <section className="card approval" aria-label="Approval">
      <h3>May I?</h3>
      <Suspense fallback={<Loading lines={2} />}>
        <Markdown text={preview} />
      </Suspense>
      <div className="row">
        <button type="button" className="primary" disabled={isRunning} onClick={() => onAnswer({ action: "approve", proposal_id })}>
          Approve
        </button>
        <button type="button" disabled={isRunning} onClick={() => onAnswer({ action: "reject", proposal_id })}>
          Reject
        </button>
        <span className="muted">or write what to do instead</span>
      </div>
    </section>
  );
}

type Question = { id: string; question: string; options?: { value: string }[]; allow_custom_answer?: boolean };

/** The form that a conversation ends with, if it waits for one. */
export function openForm(messages: Message[]): ToolCall | null {
  const last = messages.at(-1);
  const call = last?.type === "ai" ? last.tool_calls?.at(-1) : undefined;
  return call?.name === "create_form" ? call : null;
}

/** The assistant's questions, as a form. */
export function Form({ call, onAnswer }: { call: ToolCall; onAnswer: (resume: Resume) => void }) {
  const questions = (call.args.questions ?? []) as Question[];
  const [answers, setAnswers] = useState<Record<string, string>>({});
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onAnswer({ action: "form", form_answers: answers });
  };
  const set = (id: string, value: string) => setAnswers((before) => ({ ...before, [id]: value }));
  return (
    <form className="card" onSubmit={submit}>
      {questions.map(({ id, question, options = [] }) => (
        <Field key={id} label={question}>
          {(field) => (
            <>
              <div className="row">
                {options.map(({ value }) => (
                  <button key={value} type="button" aria-pressed={answers[id] === value} onClick={() => set(id, value)}>
                    {value}
                  </button>
                ))}
              </div>
              <input id={field} value={answers[id] ?? ""} placeholder="Your answer" onChange={(event) => set(id, event.target.value)} />
            </>
          )}
        </Field>
      ))}
      <div className="row">
        <button type="submit" className="primary">
          Answer
        </button>
        <button type="button" onClick={() => onAnswer({ action: "dismiss_form" })}>
          Skip
        </button>
      </div>
    </form>
  );
}
