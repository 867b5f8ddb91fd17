import { useState } from "react";
import { Ago } from "../parts/parts";
import { cell, plural, seconds } from "../parts/show";

type FeedEvent = { id: string; event: string; timestamp: string; properties: Record<string, unknown> };
export type Session = { sessionId: string | null; events: FeedEvent[] };

const FEW = 5;
const MOST = 12;

/** What somebody did, session by session. */
export function Feed({ sessions }: { sessions: Session[] }) {
  const [all, setAll] = useState(false);
  return (
    <>
      <ol className="sessions">
        {(all ? sessions : sessions.slice(0, MOST)).map((session) => (
          <OneSession key={session.sessionId ?? session.events[0]?.id} session={session} />
        ))}
      </ol>
      {sessions.length > MOST && (
        <button type="button" className="quiet" onClick={() => setAll(!all)}>
          {all ? "Fewer sessions" : `All ${sessions.length} sessions`}
        </button>
      )}
    </>
  );
}

function OneSession({ session: { events } }: { session: Session }) {
  const [all, setAll] = useState(false);
  const times = events.map((event) => Date.parse(event.timestamp));
  const length = (Math.max(...times) - Math.min(...times)) / 1000;
  const [first] = events;
  if (!first) return null;
  return (
    <li>
      <strong>
        <Ago at={first.timestamp} />
      </strong>{" "}
      <span className="muted">
        {plural(events.length, "event")}
        {length > 0 && ` in ${seconds(length)}`}
        {typeof first.properties.$browser === "string" && `, ${first.properties.$browser}`}
      </span>
      <ol>
        {(all ? events : events.slice(0, FEW)).map((event) => (
          <li key={event.id}>
            <time dateTime={event.timestamp}>{event.timestamp.slice(11, 19)}</time>
            <span>
              {event.event} <span className="muted">{cell(event.properties.$pathname ?? event.properties.$screen_name)}</span>
            </span>
          </li>
        ))}
      </ol>
      {events.length > FEW && (
        <button type="button" className="quiet" onClick={() => setAll(!all)}>
          {all ? "Fewer" : `${events.length - FEW} more`}
        </button>
      )}
    </li>
  );
}
