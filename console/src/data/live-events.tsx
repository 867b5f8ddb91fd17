import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { ask } from "../api/query";
import { opening } from "../charts/table";
import { Ago, Dialog, Empty, Failure, Loading } from "../parts/parts";
import { cell, moment } from "../parts/show";

type Event = { uuid: string; event: string; distinct_id: string; timestamp: string; properties: Record<string, unknown> };
type Answer = { results: [Event, ...unknown[]][] };

const SPANS = { "-1h": "last hour", "-24h": "last day", "-7d": "last 7 days", "-30d": "last 30 days" };

/** The newest events, looked for every two seconds; those that are new light up. */
export function LiveEvents() {
  const [name, setName] = useState("");
  const [who, setWho] = useState("");
  const [after, setAfter] = useState("-7d");
  const [isLive, setLive] = useState(true);
  const [opened, setOpened] = useState<Event | null>(null);
  const query = {
    kind: "EventsQuery",
    select: ["*"],
    after,
    limit: 100,
    orderBy: ["timestamp DESC"],
    ...(name ? { event: name } : {}),
    ...(who ? { where: [`distinct_id ILIKE '%${who.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}%'`] } : {}),
  };
  const events = useQuery({
    queryKey: ["events", query],
    queryFn: ({ signal }) => ask<Answer>(query, { fresh: true, signal }),
    refetchInterval: isLive ? 2_000 : false,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const names = useQuery({ queryKey: ["event-names"], queryFn: () => ask<{ results: { event: string; count: number }[] }>({ kind: "TeamTaxonomyQuery" }), staleTime: 60_000 });
  const fresh = useFresh(events.data);
  return (
    <>
      <div className="row wrap">
        <select aria-label="Event" value={name} onChange={(change) => setName(change.target.value)} style={{ maxWidth: 240 }}>
          <option value="">Every event</option>
          {names.data?.results.map((each) => (
            <option key={each.event}>{each.event}</option>
          ))}
        </select>
        <input data-search type="search" aria-label="Distinct id" placeholder="Distinct id" value={who} onChange={(change) => setWho(change.target.value)} style={{ maxWidth: 220 }} />
        <select aria-label="Range" value={after} onChange={(change) => setAfter(change.target.value)} style={{ maxWidth: 150 }}>
          {Object.entries(SPANS).map(([span, title]) => (
            <option key={span} value={span}>
              {title}
            </option>
          ))}
        </select>
        <label className="check">
          <input type="checkbox" checked={isLive} onChange={(change) => setLive(change.target.checked)} /> live
        </label>
      </div>
      {events.isPending && <Loading lines={10} />}
      {events.error && <Failure error={events.error} retry={() => events.refetch()} />}
      {events.data?.results.length === 0 && <Empty title="No events">Nothing matches. Choose another event or a longer range.</Empty>}
      {events.data && events.data.results.length > 0 && (
        <div className="scroll">
          <table className="list events">
            <thead>
              <tr>
                <th scope="col">Event</th>
                <th scope="col">Who</th>
                <th scope="col">Where</th>
                <th scope="col">When</th>
              </tr>
            </thead>
            <tbody>
              {events.data.results.map(([event]) => (
                <tr key={event.uuid} {...opening(() => setOpened(event))} className={fresh.has(event.uuid) ? "opens fresh" : "opens"}>
                  <th scope="row">{event.event}</th>
                  <td>{event.distinct_id}</td>
                  <td className="muted">{cell(event.properties.$pathname ?? event.properties.$current_url ?? event.properties.$lib)}</td>
                  <td>
                    <Ago at={event.timestamp} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {opened && (
        <Dialog title={opened.event} onClose={() => setOpened(null)}>
          <p className="muted">
            {opened.distinct_id}, {moment(opened.timestamp)}
          </p>
          <dl className="pairs event-detail">
            {Object.entries(opened.properties)
              .toSorted(([a], [b]) => a.localeCompare(b))
              .map(([key, value]) => (
                <div key={key}>
                  <dt>{key}</dt>
                  <dd>{cell(value)}</dd>
                </div>
              ))}
          </dl>
        </Dialog>
      )}
    </>
  );
}

/** The events that were not there at the look before; none at the first look. */
function useFresh(answer: Answer | undefined): ReadonlySet<string> {
  const known = useRef<ReadonlySet<string> | null>(null);
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    if (!answer) return;
    const now = new Set(answer.results.map(([event]) => event.uuid));
    const before = known.current;
    setFresh(new Set(before ? [...now].filter((uuid) => !before.has(uuid)) : []));
    known.current = now;
  }, [answer]);
  return fresh;
}
