import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { serverEvents } from "../api/events";
import { ApiError, get, inProject, patch, reason, send } from "../api/http";
import type { ConversationAnswer } from "../api/schema";
import { emptyThread, fold, type Thread } from "./thread";
import type { Approval, Message, Resume } from "./types";

export type Phase = "loading" | "idle" | "running" | "reconnecting" | "missing";

const PATIENCE_MS = [300, 1_000, 2_000, 4_000, 8_000];

/** One conversation: its thread, whether the assistant works, and what a person can do. Follows what runs already. */
export function useThread(conversation: string, isNew: boolean) {
  const client = useQueryClient();
  const [thread, setThread] = useState<Thread>(emptyThread);
  const [phase, setPhase] = useState<Phase>(isNew ? "idle" : "loading");
  const [fault, setFault] = useState<string | null>(null);
  const lastEventId = useRef<string | null>(null);
  const stream = useRef<AbortController | null>(null);

  const reload = useCallback(async () => {
    const stored = await get<ConversationAnswer>(`conversations/${conversation}/`);
    setThread((before) => ({
      ...before,
      messages: stored.messages as Message[],
      approvals: stored.pending_approvals as Approval[],
      title: stored.title,
      partial: null,
    }));
    return stored;
  }, [conversation]);

  /** Read a turn's stream to its end, through lost connections. */
  const follow = useCallback(
    async (first: { content: string | null; trace_id: string; resume_payload?: Resume }) => {
      stream.current?.abort();
      const control = new AbortController();
      stream.current = control;
      setFault(null);
      setPhase("running");
      let body: typeof first = first;
      for (let tries = 0; !control.signal.aborted; ) {
        try {
          const headers: Record<string, string> = { accept: "text/event-stream" };
          if (lastEventId.current) headers["last-event-id"] = lastEventId.current;
          const answer = await send("POST", inProject("conversations/"), { ...body, conversation }, headers, control.signal);
          // Once accepted, whatever happens: join what runs, never ask again.
          body = { content: null, trace_id: first.trace_id };
          setPhase("running");
          for await (const event of serverEvents(answer)) {
            tries = 0;
            lastEventId.current = event.id ?? lastEventId.current;
            setThread((before) => fold(before, event));
          }
          break;
        } catch (error) {
          if (control.signal.aborted) return;
          if (error instanceof ApiError && error.code === "invalid_input" && body.content === null) break; // it has ended
          const wait = PATIENCE_MS[tries];
          if ((error instanceof ApiError && error.status < 500) || wait === undefined) {
            setFault(reason(error));
            break;
          }
          tries += 1;
          setPhase("reconnecting");
          await new Promise((resolve) => setTimeout(resolve, wait));
        }
      }
      if (control.signal.aborted) return;
      // What is stored is the truth: it has the decisions, and the end of a turn whose stream was lost.
      await reload().catch(() => undefined);
      setPhase("idle");
      await client.invalidateQueries({ queryKey: ["conversations"] });
    },
    [client, conversation, reload],
  );

  useEffect(() => {
    if (isNew) return () => stream.current?.abort();
    let left = false;
    setPhase("loading");
    reload().then(
      (stored) => {
        if (left) return;
        if (stored.status === "idle") setPhase("idle");
        else void follow({ content: null, trace_id: crypto.randomUUID() });
      },
      (error: unknown) => {
        if (left) return;
        setFault(reason(error));
        setPhase("missing");
      },
    );
    return () => {
      left = true;
      stream.current?.abort();
    };
  }, [isNew, reload, follow]);

  const say = useCallback(
    (content: string, resume?: Resume) => {
      const trace_id = crypto.randomUUID();
      const optimistic: Message = { type: "human", id: `sent-${trace_id}`, content, trace_id };
      setThread((before) => ({ ...before, messages: [...before.messages, optimistic], partial: null }));
      return follow({ content, trace_id, ...(resume ? { resume_payload: resume } : {}) });
    },
    [follow],
  );
  const answerPause = useCallback((resume: Resume) => follow({ content: null, trace_id: crypto.randomUUID(), resume_payload: resume }), [follow]);
  const stop = useCallback(async () => {
    stream.current?.abort();
    try {
      await patch(`conversations/${conversation}/cancel/`);
    } catch (error) {
      setFault(reason(error));
    }
    await reload().catch(() => undefined);
    setPhase("idle");
  }, [conversation, reload]);

  return { thread, phase, fault, say, answerPause, stop, reload };
}
