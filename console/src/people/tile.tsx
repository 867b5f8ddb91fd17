import { Link } from "wouter";
import type { Issue, Trace } from "../api/query";
import type { TileAnswer } from "../api/schema";
import { Table } from "../charts/table";
import { Ago } from "../parts/parts";
import { cell, moment, number, plural } from "../parts/show";
import { Feed, type Session } from "./feed";
import { Properties, type Subject } from "./properties";

type Metric = { id: string; name: string; value: number; interval: number; format: string; change_from_previous_pct: number | null };
type Relative = { type: "person" | "group"; id?: string; uuid?: string; name?: string; group_type_index?: number; group_key?: string; group_properties?: Record<string, unknown> };
type JourneyStep = { order: number; name: string; status: "completed" | "not_completed" };
type Info = { uuid?: string; distinct_ids?: string[]; group_key?: string; group_type?: string; created_at: string; last_seen_at?: string | null; is_identified?: boolean };
type Event = { event: string; timestamp: string; distinct_id: string };

/** What one tile shows, by its type. A tile without data says why. */
export function Tile({ tile, subject }: { tile: TileAnswer; subject: Subject }) {
  if (tile.reason !== null) return <p className="muted">{tile.reason}</p>;
  const results = <T,>() => (tile.data as { results: T }).results;
  switch (tile.type) {
    case "ph-person":
    case "ph-group":
      return <InfoTile info={tile.data as Info} />;
    case "ph-person-properties":
    case "ph-group-properties":
    case "ph-properties":
      return <Properties subject={subject} properties={tile.data as Record<string, unknown>} />;
    case "ph-related-groups":
      return <Related found={tile.data as Relative[]} />;
    case "ph-usage-metrics":
      return <Metrics metrics={results<Metric[]>()} />;
    case "ph-person-feed":
      return <Feed sessions={results<Session[]>()} />;
    case "ph-query":
      return <Events rows={results<unknown[][]>()} columns={(tile.data as { columns?: string[] }).columns ?? []} />;
    case "ph-issues":
      return <Issues issues={results<Issue[]>()} />;
    case "ph-llm-trace":
      return <Traces traces={results<Trace[]>()} />;
    case "ph-customer-journey":
      return <Journey steps={(tile.data as { steps: JourneyStep[] }).steps} />;
    case "ph-map":
      return <Place at={tile.data as { latitude: number; longitude: number }} />;
    default:
      return <pre className="scroll">{JSON.stringify(tile.data, null, 2)}</pre>;
  }
}

function InfoTile({ info }: { info: Info }) {
  return (
    <dl className="pairs">
      {info.group_type && <Pair name={info.group_type}>{info.group_key}</Pair>}
      {info.distinct_ids && <Pair name={info.distinct_ids.length > 1 ? "Distinct ids" : "Distinct id"}>{info.distinct_ids.slice(0, 5).join(", ")}{info.distinct_ids.length > 5 && ` and ${info.distinct_ids.length - 5} more`}</Pair>}
      {info.is_identified !== undefined && <Pair name="Identified">{info.is_identified ? "yes" : "no"}</Pair>}
      <Pair name="First seen">{moment(info.created_at)}</Pair>
      {info.last_seen_at && (
        <Pair name="Last seen">
          <Ago at={info.last_seen_at} />
        </Pair>
      )}
    </dl>
  );
}

function Pair({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Related({ found }: { found: Relative[] }) {
  return (
    <ul className="lines">
      {found.slice(0, 20).map((each) =>
        each.type === "group" ? (
          <li key={`${each.group_type_index}/${each.group_key}`}>
            <Link href={`/people/groups/${each.group_type_index}/${encodeURIComponent(each.group_key ?? "")}`}>{cell(each.group_properties?.name ?? each.group_key)}</Link>
          </li>
        ) : (
          <li key={each.uuid ?? each.id}>
            <Link href={`/people/${each.uuid ?? each.id}`}>{each.name ?? each.uuid}</Link>
          </li>
        ),
      )}
      {found.length > 20 && <li className="muted">and {found.length - 20} more</li>}
    </ul>
  );
}

function Metrics({ metrics }: { metrics: Metric[] }) {
  return (
    <div className="metrics">
      {metrics.map((metric) => (
        <div key={metric.id}>
          <span className="muted">{metric.name}</span>
          <b>{metric.format === "currency" ? `$${number(metric.value)}` : number(metric.value)}</b>
          <small className="muted">
            {plural(metric.interval, "day")}
            {metric.change_from_previous_pct !== null && `, ${metric.change_from_previous_pct > 0 ? "+" : ""}${number(metric.change_from_previous_pct)}%`}
          </small>
        </div>
      ))}
    </div>
  );
}

function Events({ rows, columns }: { rows: unknown[][]; columns: string[] }) {
  const isEvent = (value: unknown): value is Event => typeof value === "object" && value !== null && "event" in value;
  if (!rows.every((row) => isEvent(row[0]))) return <Table columns={columns} rows={rows} height={300} />;
  const shown = rows.map((row) => row[0] as Event).map((event) => [event.event, event.distinct_id, event.timestamp]);
  return <Table columns={["event", "who", "when"]} rows={shown} height={300} />;
}

function Issues({ issues }: { issues: Issue[] }) {
  return (
    <ul className="lines">
      {issues.map((issue) => (
        <li key={issue.id}>
          <div style={{ flex: 1, minWidth: 0 }}>
            <strong>{issue.name}</strong> <span className="muted">{issue.description}</span>
          </div>
          <span>{plural(issue.aggregations.occurrences, "time")}</span>
          <small className="muted">
            <Ago at={issue.last_seen} />
          </small>
        </li>
      ))}
    </ul>
  );
}

function Traces({ traces }: { traces: Trace[] }) {
  const rows = traces.map((trace) => [trace.traceName ?? trace.id, trace.createdAt, (trace.inputTokens ?? 0) + (trace.outputTokens ?? 0), trace.totalLatency, trace.totalCost]);
  return <Table columns={["trace", "when", "tokens", "seconds", "cost in $"]} rows={rows} height={260} />;
}

function Journey({ steps }: { steps: JourneyStep[] }) {
  return (
    <div className="test">
      <ol>
        {steps.map((step) => (
          <li key={step.order} className={step.status === "completed" ? "passed" : ""}>
            <span className="mark" aria-hidden="true" />
            <span>
              {step.name} <span className="muted">{step.status === "completed" ? "done" : "not yet"}</span>
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Place({ at: { latitude, longitude } }: { at: { latitude: number; longitude: number } }) {
  return (
    <p>
      {Math.abs(latitude).toFixed(2)}° {latitude < 0 ? "south" : "north"}, {Math.abs(longitude).toFixed(2)}° {longitude < 0 ? "west" : "east"}
    </p>
  );
}
