import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { post, reason } from "../api/http";
import { Suggestions } from "../home/suggestions";
import { Empty, Failure, Loading } from "../parts/parts";
import { Composer } from "./composer";
import { Approvals, Form, openForm } from "./pauses";
import { Queue, queueKey, useQueue } from "./queue";
import { Turns } from "./turns";
import type { Queued } from "./types";
import { useThread } from "./use-thread";

/** One conversation: its turns, what waits, and where to write. */
export function Conversation({ id, startsNew, question }: { id: string; startsNew: boolean; question: string | null }) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [isNew] = useState(startsNew);
  const { thread, phase, fault, say, answerPause, stop } = useThread(id, isNew);
  const [refused, setRefused] = useState<string | null>(null);
  const isRunning = phase === "running" || phase === "reconnecting";
  const queue = useQueue(id, isRunning);
  const waiting = isRunning ? ((queue.data?.messages ?? []) as unknown as Queued[]) : [];
  const pending = thread.approvals.filter((each) => each.decision_status === "pending");
  const form = phase === "idle" ? openForm(thread.messages) : null;
  const end = useEndInSight(thread, phase);

  const send = async (content: string) => {
    setRefused(null);
    if (isRunning) {
      try {
        await post(`conversations/${id}/queue/`, { content });
      } catch (error) {
        setRefused(reason(error));
        return false;
      }
      await client.invalidateQueries({ queryKey: queueKey(id) });
      return true;
    }
    const [first] = pending;
    const resume = first ? ({ action: "reject", proposal_id: first.proposal_id, feedback: content } as const) : undefined;
    void say(content, resume);
    if (isNew) navigate(`/ask/${id}`, { replace: true });
    return true;
  };

  // A question in the address is asked once, as by a click on a suggestion.
  const asked = useRef(false);
  useEffect(() => {
    if (!isNew || !question || asked.current) return;
    asked.current = true;
    void send(question);
  });

  if (phase === "missing")
    return (
      <section className="conversation">
        <Empty title="This conversation is not here" action={<Link href="/ask" className="button primary">Ask something new</Link>}>
          {fault} It may have been deleted, or it belongs to another project.
        </Empty>
      </section>
    );
  return (
    <section className="conversation" aria-label={thread.title ?? "New conversation"}>
      <Link href="/ask" className="back">
        ‹ Conversations
      </Link>
      <div className="turns" aria-live="polite" aria-busy={isRunning}>
        {phase === "loading" && <Loading lines={6} />}
        {isNew && thread.messages.length === 0 && <Welcome onPick={send} />}
        <Turns thread={thread} isRunning={isRunning} onPick={send} />
        <Approvals approvals={thread.approvals} isRunning={isRunning} onAnswer={answerPause} />
        {form && <Form call={form} onAnswer={answerPause} />}
        {phase === "reconnecting" && <p className="muted">The connection was lost. Trying again …</p>}
        {fault && <Failure error={new Error(fault)} />}
        <div ref={end} />
      </div>
      <Queue conversation={id} waiting={waiting} />
      <Composer
        isRunning={isRunning}
        isFull={waiting.length >= (queue.data?.max_queue_messages ?? 2)}
        fault={refused}
        onSend={send}
        onStop={stop}
      />
    </section>
  );
}

function Welcome({ onPick }: { onPick: (question: string) => void }) {
  return (
    <div className="welcome">
      <h1>Ask your data</h1>
      <p className="muted">Questions about events, people, funnels, retention. Every answer shows the query behind it.</p>
      <Suggestions onPick={onPick} />
    </div>
  );
}

/** Keeps the newest text in sight, unless the person has scrolled up to read. */
function useEndInSight(thread: unknown, phase: string) {
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const frame = end.current?.parentElement;
    if (!frame) return;
    const isNear = frame.scrollHeight - frame.scrollTop - frame.clientHeight < 320;
    if (isNear || phase === "running") end.current?.scrollIntoView({ block: "end" });
  }, [thread, phase]);
  return end;
}
