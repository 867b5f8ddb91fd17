import type { ServerEvent } from "../api/events";
import type { Approval, Message } from "./types";

/** A conversation as it is shown: what is complete, and the answer that is being written. */
export type Thread = {
  messages: Message[];
  partial: Message | null;
  approvals: Approval[];
  /** The newest progress line of each tool call that runs. */
  progress: Record<string, string>;
  title: string | null;
  /** Where to go on after a lost connection. */
  lastEventId: string | null;
};

export const emptyThread: Thread = { messages: [], partial: null, approvals: [], progress: {}, title: null, lastEventId: null };

/** The thread after one more event of the stream. Pure, so that a replay gives the same thread. */
export function fold(thread: Thread, { id, event, data }: ServerEvent): Thread {
  const next = { ...thread, lastEventId: id ?? thread.lastEventId };
  switch (event) {
    case "message":
      return withMessage(next, data as Message);
    case "conversation":
      return { ...next, title: (data as { title: string | null }).title ?? next.title };
    case "update": {
      const { tool_call_id, content } = data as { tool_call_id: string; content: unknown };
      return typeof content === "string" ? { ...next, progress: { ...next.progress, [tool_call_id]: content } } : next;
    }
    case "approval": {
      const approval = data as Approval;
      return { ...next, approvals: [...next.approvals.filter((each) => each.proposal_id !== approval.proposal_id), approval] };
    }
    default:
      return next;
  }
}

function withMessage(thread: Thread, message: Message): Thread {
  if (!message.id || message.id.startsWith("temp-")) return { ...thread, partial: message };
  const partial = message.type === "ai" || message.type === "ai/failure" ? null : thread.partial;
  const place = thread.messages.findIndex((each) => each.id === message.id || isEchoOf(message, each));
  const messages =
    place >= 0 ? thread.messages.map((each, index) => (index === place ? message : each)) : [...thread.messages, message];
  return { ...thread, messages, partial };
}

/** Whether a message is what was shown at once when it was sent. */
const isEchoOf = (message: Message, shown: Message): boolean =>
  message.type === "human" && shown.type === "human" && !!message.trace_id && shown.trace_id === message.trace_id;
