import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useDeferredValue, useState, type FormEvent, type ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { ApiError, get, patch } from "../api/http";
import type { Filters, Query } from "../api/query";
import { QueryCard } from "../charts/query-card";
import { INSIGHTS } from "../charts/save-insight";
import { Confirm, Dialog, Empty, Failure, Field, Loading } from "../parts/parts";
import { Name, title, type Named } from "./kept";

const Markdown = lazy(() => import("../parts/markdown"));

export const DASHBOARDS = ["dashboards"];

export type Dashboard = Named & { pinned: boolean; filters: Filters };
type Insight = Named & { short_id: string; description: string | null; query: Query };
type Place = { x: number; y: number; w: number; h: number };
type Tile = { id: number; insight: Insight | null; text: { body: string } | null; layouts: { sm?: Partial<Place> } };
type Change = Partial<Pick<Dashboard, "name" | "filters">> & { deleted?: true; tiles?: object[] };

const RANGES: [string, string][] = [
  ["", "Each insight's own dates"],
  ["-24h", "Last 24 hours"],
  ["-7d", "Last 7 days"],
  ["-30d", "Last 30 days"],
  ["-90d", "Last 90 days"],
  ["mStart", "This month"],
  ["yStart", "This year"],
];

/** One dashboard: its insights side by side, over the dates that are chosen for all of them. */
export function OneDashboard({ id }: { id: string }) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [asked, setAsked] = useState<"insight" | "text" | "delete" | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const path = `dashboards/${encodeURIComponent(id)}/`;
  const found = useQuery({ queryKey: [...DASHBOARDS, "one", id], queryFn: () => get<Dashboard & { tiles: Tile[] }>(path) });
  if (found.error instanceof ApiError && found.error.status === 404)
    return (
      <Empty title="There is no such dashboard" action={<Link href="/data/dashboards" className="button">Dashboards</Link>}>
        It was deleted, or it belongs to another project.
      </Empty>
    );
  if (found.error) return <Failure error={found.error} retry={() => found.refetch()} />;
  if (!found.data) return <Loading lines={8} />;
  const dashboard = found.data;
  const tiles = [...dashboard.tiles].sort((a, b) => (a.layouts.sm?.y ?? a.id) - (b.layouts.sm?.y ?? b.id) || a.id - b.id);
  const change = async (values: Change) => {
    try {
      await patch(path, values);
      setFault(null);
    } catch (error) {
      setFault(error);
      return false;
    }
    setAsked(null);
    await client.invalidateQueries({ queryKey: DASHBOARDS });
    return true;
  };
  const move = (from: number, to: number) => {
    const order = [...tiles];
    order.splice(to, 0, ...order.splice(from, 1));
    return change({ tiles: order.map((tile, y) => ({ id: tile.id, layouts: { ...tile.layouts, sm: { ...tile.layouts.sm, x: 0, y } } })) });
  };
  const filters = dashboard.filters.date_from ? dashboard.filters : undefined;
  return (
    <>
      <div className="row wrap">
        <Link href="/data/dashboards" className="back">
          ‹ Dashboards
        </Link>
        <Name label="Name of the dashboard" name={dashboard.name} onChange={(name) => void change({ name })} />
        <select aria-label="Dates" value={dashboard.filters.date_from ?? ""} onChange={(event) => void change({ filters: event.target.value ? { date_from: event.target.value } : {} })}>
          {RANGES.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
        <button type="button" onClick={() => client.invalidateQueries({ queryKey: ["query"] })}>
          Refresh
        </button>
        <button type="button" onClick={() => setAsked("insight")}>
          Add insight
        </button>
        <button type="button" onClick={() => setAsked("text")}>
          Add text
        </button>
        <button type="button" className="danger" onClick={() => setAsked("delete")}>
          Delete
        </button>
      </div>
      {fault !== null && <Failure error={fault} />}
      {tiles.length === 0 && <Empty title="Nothing on it yet">Add an insight: a chart saved from a conversation, or a query saved under SQL.</Empty>}
      <div className="board">
        {tiles.map((tile, index) => (
          <OneTile key={tile.id} tile={tile} filters={filters}>
            <Move name="earlier" sign="↑" isDisabled={index === 0} onClick={() => move(index, index - 1)} />
            <Move name="later" sign="↓" isDisabled={index === tiles.length - 1} onClick={() => move(index, index + 1)} />
            <button type="button" className="quiet" onClick={() => change({ tiles: [{ id: tile.id, deleted: true }] })}>
              Take off
            </button>
          </OneTile>
        ))}
      </div>
      {asked === "insight" && <AddInsight shown={tiles.flatMap((tile) => tile.insight?.id ?? [])} onAdd={(insight) => change({ tiles: [{ insight }] })} onClose={() => setAsked(null)} />}
      {asked === "text" && <AddText onAdd={(body) => change({ tiles: [{ text: { body } }] })} onClose={() => setAsked(null)} />}
      {asked === "delete" && (
        <Confirm title="Delete this dashboard?" act="Delete" onClose={() => setAsked(null)} onConfirm={async () => (await change({ deleted: true })) && navigate("/data/dashboards")}>
          “{title(dashboard)}” leaves the list. Its insights stay.
        </Confirm>
      )}
    </>
  );
}

function OneTile({ tile, filters, children }: { tile: Tile; filters: Filters | undefined; children: ReactNode }) {
  if (tile.insight) {
    const { description, query, short_id } = tile.insight;
    return <QueryCard query={query} name={title(tile.insight)} description={description ?? ""} filters={filters} href={`/data/insights/${short_id}`} actions={children} />;
  }
  return (
    <section className="card query-card text" aria-label="Text">
      <header>
        <div className="row">{children}</div>
      </header>
      <Suspense fallback={<Loading lines={2} />}>
        <Markdown text={tile.text?.body ?? ""} />
      </Suspense>
    </section>
  );
}

function Move({ name, sign, isDisabled, onClick }: { name: string; sign: string; isDisabled: boolean; onClick: () => void }) {
  return (
    <button type="button" className="quiet" aria-label={`Show ${name}`} title={`Show ${name}`} disabled={isDisabled} onClick={onClick}>
      {sign}
    </button>
  );
}

function AddInsight({ shown, onAdd, onClose }: { shown: number[]; onAdd: (id: number) => void; onClose: () => void }) {
  const [search, setSearch] = useState("");
  const sought = useDeferredValue(search.trim());
  const insights = useQuery({
    queryKey: [...INSIGHTS, sought],
    queryFn: ({ signal }) => get<{ results: Insight[] }>(`insights/?saved=true&limit=200&search=${encodeURIComponent(sought)}`, signal),
    placeholderData: (before) => before,
  });
  const others = insights.data?.results.filter((each) => !shown.includes(each.id)) ?? [];
  return (
    <Dialog title="Add an insight" onClose={onClose}>
      <Field label="Name">{(id) => <input id={id} type="search" value={search} onChange={(event) => setSearch(event.target.value)} />}</Field>
      {insights.error && <Failure error={insights.error} />}
      {insights.data && others.length === 0 && <p className="muted">No other insight. Save a chart or a query first.</p>}
      <ul className="lines choices">
        {others.map((each) => (
          <li key={each.id}>
            <button type="button" className="quiet" onClick={() => onAdd(each.id)}>
              {title(each)}
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function AddText({ onAdd, onClose }: { onAdd: (body: string) => void; onClose: () => void }) {
  const [body, setBody] = useState("");
  const add = (event: FormEvent) => {
    event.preventDefault();
    onAdd(body.trim());
  };
  return (
    <Dialog title="Add a text" onClose={onClose}>
      <form onSubmit={add}>
        <Field label="Text" help="Markdown: **bold**, lists, links.">
          {(id) => <textarea id={id} rows={6} value={body} onChange={(event) => setBody(event.target.value)} />}
        </Field>
        <div className="row end">
          <button type="submit" className="primary" disabled={!body.trim()}>
            Add text
          </button>
        </div>
      </form>
    </Dialog>
  );
}
