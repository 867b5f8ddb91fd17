import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Link, useLocation } from "wouter";
import { get, patch, remove } from "../api/http";
import type { ConversationAnswer, Page_ConversationAnswer } from "../api/schema";
import { Ago, Confirm, Dialog, Empty, Failure, Field, Loading } from "../parts/parts";

const PAGE = 50;

/** The person's conversations: search, open, rename, delete. */
export function Threads({ current }: { current: string | null }) {
  const [search, setSearch] = useState("");
  const [renamed, setRenamed] = useState<ConversationAnswer | null>(null);
  const [doomed, setDoomed] = useState<ConversationAnswer | null>(null);
  const list = useInfiniteQuery({
    queryKey: ["conversations"],
    queryFn: ({ pageParam }) => get<Page_ConversationAnswer>(`conversations/?limit=${PAGE}&offset=${pageParam}`),
    initialPageParam: 0,
    getNextPageParam: (page, pages) => (page.next ? pages.length * PAGE : undefined),
    refetchInterval: 15_000,
  });
  const all = list.data?.pages.flatMap((page) => page.results) ?? [];
  const found = all.filter((each) => (each.title ?? "").toLowerCase().includes(search.toLowerCase()));
  return (
    <aside className="threads" aria-label="Conversations">
      <div className="row">
        <input type="search" placeholder="Search conversations" aria-label="Search conversations" value={search} onChange={(event) => setSearch(event.target.value)} />
        <Link href="/ask" className="button primary">
          New
        </Link>
      </div>
      {list.isPending && <Loading lines={6} />}
      {list.error && <Failure error={list.error} retry={() => list.refetch()} />}
      {list.isSuccess && found.length === 0 && (
        <Empty title={all.length ? "Nothing found" : "No conversations yet"}>{all.length ? "No title holds these words." : "Ask something: the answer is kept here."}</Empty>
      )}
      <ul>
        {found.map((each) => (
          <li key={each.id}>
            <Link href={`/ask/${each.id}`} aria-current={each.id === current ? "page" : undefined}>
              <span>{each.title}</span>
              <small className="muted">{each.status === "in_progress" ? "answering …" : <Ago at={each.updated_at} />}</small>
            </Link>
            <div>
              <button type="button" className="icon" aria-label={`Rename ${each.title}`} onClick={() => setRenamed(each)}>
                ✎
              </button>
              <button type="button" className="icon" aria-label={`Delete ${each.title}`} onClick={() => setDoomed(each)}>
                ✕
              </button>
            </div>
          </li>
        ))}
      </ul>
      {list.hasNextPage && (
        <button type="button" className="quiet" onClick={() => list.fetchNextPage()} disabled={list.isFetchingNextPage}>
          Older
        </button>
      )}
      {renamed && <Rename conversation={renamed} onClose={() => setRenamed(null)} />}
      {doomed && <Delete conversation={doomed} isOpen={doomed.id === current} onClose={() => setDoomed(null)} />}
    </aside>
  );
}

function Rename({ conversation, onClose }: { conversation: ConversationAnswer; onClose: () => void }) {
  const client = useQueryClient();
  const [title, setTitle] = useState(conversation.title ?? "");
  const [fault, setFault] = useState<unknown>(null);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    try {
      await patch(`conversations/${conversation.id}/`, { title: title.trim() });
    } catch (error) {
      setFault(error);
      return;
    }
    await client.invalidateQueries({ queryKey: ["conversations"] });
    onClose();
  };
  return (
    <Dialog title="Rename this conversation" onClose={onClose}>
      <form onSubmit={save}>
        <Field label="Title">{(id) => <input id={id} value={title} maxLength={250} onChange={(event) => setTitle(event.target.value)} />}</Field>
        {fault !== null && <Failure error={fault} />}
        <div className="row end">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={!title.trim()}>
            Rename
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Delete({ conversation, isOpen, onClose }: { conversation: ConversationAnswer; isOpen: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [fault, setFault] = useState<unknown>(null);
  const confirm = async () => {
    try {
      await remove(`conversations/${conversation.id}/`);
    } catch (error) {
      setFault(error);
      return;
    }
    await client.invalidateQueries({ queryKey: ["conversations"] });
    onClose();
    if (isOpen) navigate("/ask");
  };
  return (
    <Confirm title="Delete this conversation?" act="Delete" fault={fault} onClose={onClose} onConfirm={confirm}>
      “{conversation.title}” and its answers will be gone for you.
    </Confirm>
  );
}
