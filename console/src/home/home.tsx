import { Link, useLocation } from "wouter";
import { useQuery } from "@tanstack/react-query";
import { get } from "../api/http";
import { askHogQL } from "../api/query";
import type { Page_ConversationAnswer } from "../api/schema";
import { useExports } from "../exports/api";
import { Status, Strip } from "../exports/strip";
import { Ago, Card, Failure, Heading, Loading } from "../parts/parts";
import { FirstEvent } from "./first-event";
import { Live } from "./live";
import { Suggestions } from "./suggestions";

/** What goes on: events as they come, the last exports and conversations, what to ask next. */
export default function Home() {
  const any = useQuery({
    queryKey: ["any-events"],
    queryFn: async () => (await askHogQL("SELECT count() FROM (SELECT 1 FROM events LIMIT 1)", { fresh: true })).results[0]?.[0] === 1,
    refetchInterval: ({ state }) => (state.data ? false : 1_500),
  });
  if (any.isPending) return <Loading lines={8} />;
  if (any.error) return <Failure error={any.error} retry={() => any.refetch()} />;
  return <div className="page">{any.data ? <Busy /> : <FirstEvent />}</div>;
}

function Busy() {
  const [, navigate] = useLocation();
  return (
    <>
      <Heading title="Home" />
      <Live />
      <Card title="Ask your data" className="invite">
        <Suggestions onPick={(question) => navigate(`/ask?q=${encodeURIComponent(question)}`)} />
      </Card>
      <div className="columns">
        <LastExports />
        <LastConversations />
      </div>
    </>
  );
}

function LastExports() {
  const list = useExports();
  return (
    <Card title="Exports" actions={<Link href="/exports">All</Link>}>
      {list.isPending && <Loading />}
      {list.error && <Failure error={list.error} />}
      {list.data?.results.length === 0 && (
        <p className="muted">
          None yet. <Link href="/exports/new">Make the first</Link>: files, a bucket, a database.
        </p>
      )}
      <ul className="lines">
        {list.data?.results.slice(0, 6).map((each) => (
          <li key={each.id}>
            <Link href={`/exports/${each.id}`}>{each.name}</Link>
            <Strip runs={each.latest_runs} />
            {each.paused ? <span className="status still">Paused</span> : each.latest_runs[0] && <Status status={each.latest_runs[0].status} />}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function LastConversations() {
  const list = useQuery({ queryKey: ["conversations", "last"], queryFn: () => get<Page_ConversationAnswer>("conversations/?limit=6") });
  return (
    <Card title="Conversations" actions={<Link href="/ask">All</Link>}>
      {list.isPending && <Loading />}
      {list.error && <Failure error={list.error} />}
      {list.data?.results.length === 0 && <p className="muted">None yet. Ask one of the questions above.</p>}
      <ul className="lines">
        {list.data?.results.map((each) => (
          <li key={each.id}>
            <Link href={`/ask/${each.id}`}>{each.title}</Link>
            <small className="muted">
              <Ago at={each.updated_at} />
            </small>
          </li>
        ))}
      </ul>
    </Card>
  );
}
