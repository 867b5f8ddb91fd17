import { lazy, memo, Suspense } from "react";
import { QueryCard } from "../charts/query-card";
import { Loading } from "../parts/parts";
import { Document } from "./document";
import { Steps, stepsOf, type Step } from "./steps";
import type { Thread } from "./thread";
import type { Message } from "./types";

const Markdown = lazy(() => import("../parts/markdown"));

type Block = { key: string; steps: Step[] } | { key: string; message: Message };

/** Everything said, charts where they came up, the assistant's steps folded. */
export function Turns({ thread, isRunning, onPick }: { thread: Thread; isRunning: boolean; onPick: (text: string) => void }) {
  const messages = thread.partial ? [...thread.messages, thread.partial] : thread.messages;
  const blocks = arranged(messages, thread.progress);
  const last = messages.at(-1);
  return (
    <>
      {blocks.map((block, index) =>
        "steps" in block ? (
          <Steps key={block.key} steps={block.steps} isRunning={isRunning && index === blocks.length - 1} />
        ) : (
          <Said key={block.key} message={block.message} onPick={block.message === last && !isRunning ? onPick : null} />
        ),
      )}
      {isRunning && last?.type === "human" && <p className="muted thinking">Thinking …</p>}
    </>
  );
}

/** Messages as blocks: calls that follow each other are one block of steps. */
function arranged(messages: Message[], progress: Record<string, string>): Block[] {
  const steps = stepsOf(messages, progress);
  const blocks: Block[] = [];
  for (const message of messages) {
    const last = blocks.at(-1);
    if (message.type === "ai") {
      if (message.content) blocks.push({ key: message.id, message });
      const calls = steps.get(message.id) ?? [];
      const open = blocks.at(-1);
      if (calls.length === 0) continue;
      if (open && "steps" in open) open.steps.push(...calls);
      else blocks.push({ key: `steps-${calls[0]?.id}`, steps: [...calls] });
    } else if (message.type !== "tool" && !(last && "message" in last && last.message.id === message.id)) {
      blocks.push({ key: message.type === "human" ? (message.trace_id ?? message.id) : message.id, message });
    }
  }
  return blocks;
}

const Said = memo(function Said({ message, onPick }: { message: Message; onPick: ((text: string) => void) | null }) {
  switch (message.type) {
    case "human":
      return <div className="human">{message.content}</div>;
    case "ai":
      return (
        <div className="ai">
          <Suspense fallback={<Loading lines={2} />}>
            <Markdown text={message.content} />
          </Suspense>
          {onPick && message.meta?.form && (
            <div className="row">
              {message.meta.form.options.map((option) => (
                <button key={option.value} type="button" onClick={() => onPick(option.value)}>
                  {option.value}
                </button>
              ))}
            </div>
          )}
        </div>
      );
    case "ai/artifact":
      if (message.content.blocks) return <Document title={message.content.title ?? "Report"} blocks={message.content.blocks} />;
      return message.content.query ? (
        <QueryCard query={message.content.query} name={message.content.name ?? "Chart"} description={message.content.description ?? ""} />
      ) : null;
    case "ai/failure":
      return (
        <div className="failure" role="alert">
          {message.content ?? "The assistant could not answer. Ask again."}
        </div>
      );
    default:
      return null;
  }
});
