import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, patch, reason, remove } from "../api/http";
import type { QueueAnswer } from "../api/schema";
import type { Queued } from "./types";

export const queueKey = (conversation: string) => ["queue", conversation];

/** What waits for the running turn to end. */
export function useQueue(conversation: string, isRunning: boolean) {
  return useQuery({
    queryKey: queueKey(conversation),
    queryFn: () => get<QueueAnswer>(`conversations/${conversation}/queue/`),
    enabled: isRunning,
    refetchInterval: isRunning ? 2_000 : false,
    retry: false,
  });
}

/** The waiting messages: edit one, have it answered sooner, or take it out. */
export function Queue({ conversation, waiting }: { conversation: string; waiting: Queued[] }) {
  if (waiting.length === 0) return null;
  return (
    <ol className="queue" aria-label="Messages that wait">
      {waiting.map((message, position) => (
        <Waiting key={message.id} conversation={conversation} message={message} position={position} />
      ))}
    </ol>
  );
}

function Waiting({ conversation, message, position }: { conversation: string; message: Queued; position: number }) {
  const client = useQueryClient();
  const [draft, setDraft] = useState<string | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const path = `conversations/${conversation}/queue/${message.id}/`;
  const change = async (work: Promise<unknown>) => {
    try {
      await work;
      setDraft(null);
    } catch (error) {
      setFault(reason(error));
    }
    await client.invalidateQueries({ queryKey: queueKey(conversation) });
  };
  return (
    <li>
      <span className="muted">{position === 0 ? "Next" : "Then"}</span>
      {draft === null ? (
        <span className="said">{message.content}</span>
      ) : (
        <input aria-label="Waiting message" value={draft} onChange={(event) => setDraft(event.target.value)} autoFocus />
      )}
      {fault && <small role="alert">{fault}</small>}
      {position > 0 && draft === null && (
        <button type="button" className="quiet" aria-label={`Answer “${message.content}” sooner`} title="Sooner" onClick={() => change(patch(path, { content: message.content, position: position - 1 }))}>
          ↑
        </button>
      )}
      {draft === null ? (
        <button type="button" className="quiet" onClick={() => setDraft(message.content)}>
          Edit
        </button>
      ) : (
        <button type="button" className="quiet" disabled={!draft.trim()} onClick={() => change(patch(path, { content: draft }))}>
          Save
        </button>
      )}
      <button type="button" className="quiet" onClick={() => change(remove(path))}>
        Remove
      </button>
    </li>
  );
}
