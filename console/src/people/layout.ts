import type { TileAnswer } from "../api/schema";

/** A tile as a profile config keeps it. */
export type Node = { type: string; title: string; index: number; attrs?: Record<string, unknown> };

export type Kind = "person" | "group";

/** What can be put on a page, by the names that PostHog gives the tiles. */
export const TILES: Record<Kind, Record<string, string>> = {
  person: {
    "ph-usage-metrics": "Usage metrics",
    "ph-person-feed": "Session feed",
    "ph-query": "Events",
    "ph-issues": "Issues",
    "ph-llm-trace": "LLM traces",
    "ph-customer-journey": "Customer journey",
    "ph-person": "Info",
    "ph-person-properties": "Properties",
    "ph-related-groups": "Related groups",
    "ph-map": "Place",
    "ph-support-tickets": "Support tickets",
    "ph-zendesk-tickets": "Zendesk tickets",
  },
  group: {
    "ph-usage-metrics": "Usage metrics",
    "ph-query": "Events",
    "ph-issues": "Issues",
    "ph-llm-trace": "LLM traces",
    "ph-customer-journey": "Customer journey",
    "ph-group": "Info",
    "ph-group-properties": "Properties",
    "ph-related-groups": "Related people",
    "ph-zendesk-tickets": "Zendesk tickets",
  },
};

/** What the server adds to a tile's attributes for the one whose page it is; a layout is for all. */
const INJECTED = new Set(["nodeId", "personId", "id", "distinctId", "groupKey", "groupTypeIndex"]);

export function nodes(tiles: TileAnswer[]): Node[] {
  return tiles.map((tile, index) => {
    const attrs = Object.fromEntries(Object.entries(tile.attrs).filter(([name]) => !INJECTED.has(name)));
    return { type: tile.type, title: tile.title, index, ...(Object.keys(attrs).length ? { attrs } : {}) };
  });
}

/** The nodes with one of them moved to another place. */
export function moved(list: Node[], from: number, to: number): Node[] {
  const rest = list.filter((_, index) => index !== from);
  const node = list[from];
  if (!node || to < 0 || to >= list.length) return list;
  return numbered([...rest.slice(0, to), node, ...rest.slice(to)]);
}

export const without = (list: Node[], type: string): Node[] => numbered(list.filter((node) => node.type !== type));

export const withTile = (list: Node[], kind: Kind, type: string): Node[] => numbered([...list, { type, title: TILES[kind][type] ?? type, index: list.length }]);

const numbered = (list: Node[]): Node[] => list.map((node, index) => ({ ...node, index }));
