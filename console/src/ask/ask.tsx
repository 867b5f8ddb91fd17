import { useState } from "react";
import { useParams, useSearchParams } from "wouter";
import { Conversation } from "./conversation";
import { Threads } from "./threads";

/** The assistant: conversations on the left, one of them on the right. */
export default function Ask() {
  const { id } = useParams<{ id?: string }>();
  const [search] = useSearchParams();
  // A new conversation has its id from the start, and keeps its place when its address names it.
  const [fresh, setFresh] = useState(() => crypto.randomUUID() as string);
  const [shown, setShown] = useState(id);
  if (shown !== id) {
    setShown(id);
    if (!id) setFresh(crypto.randomUUID());
  }
  return (
    <div className={id ? "ask open" : "ask"}>
      <Threads current={id ?? null} />
      <Conversation key={id ?? fresh} id={id ?? fresh} startsNew={!id} question={search.get("q")} />
    </div>
  );
}
