import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { get, remove } from "../api/http";
import type { ConversationAnswer, Page_ConversationAnswer } from "../api/schema";
import { Ago, Dialog, Empty, Failure, Loading } from "../parts/parts";

const PAGE = 50;

/** The person's conversations: search, open, delete. */
export function Threads({ current }: { current: string | null }) {
  const [search, setSearch] = useState("");
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
            <button type="button" className="icon" aria-label={`Delete ${each.title}`} onClick={() => setDoomed(each)}>
              ✕
            </button>
          </li>
        ))}
      </ul>
      {list.hasNextPage && (
        <button type="button" className="quiet" onClick={() => list.fetchNextPage()} disabled={list.isFetchingNextPage}>
          Older
        </button>
      )}
      {doomed && <Delete conversation={doomed} isOpen={doomed.id === current} onClose={() => setDoomed(null)} />}
    </aside>
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
    <Dialog title="Delete this conversation?" onClose={onClose}>
      <p>“{conversation.title}” and its answers will be gone for you.</p>
      {fault !== null && <Failure error={fault} />}
      <div className="row end">
        <button type="button" onClick={onClose}>
          Keep it
        </button>
        <button type="button" className="danger" onClick={confirm}>
          Delete
        </button>
      </div>
    </Dialog>
  );
}
