import { useState, type KeyboardEvent } from "react";
import { moved, TILES, withTile, without, type Kind, type Node } from "./layout";

/** The tiles of a page, to be moved by drag or by the arrow keys, taken off and put on. */
export function Arranger({ kind, layout, onChange }: { kind: Kind; layout: Node[]; onChange: (layout: Node[]) => void }) {
  const [dragged, setDragged] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const missing = Object.entries(TILES[kind]).filter(([type]) => !layout.some((node) => node.type === type));
  const pressed = (event: KeyboardEvent, index: number) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    onChange(moved(layout, index, index + step));
    // The focus goes with the tile.
    const tiles = event.currentTarget.parentElement?.children;
    requestAnimationFrame(() => (tiles?.[index + step] as HTMLElement | undefined)?.focus());
  };
  const drop = () => {
    if (dragged !== null && over !== null) onChange(moved(layout, dragged, over));
    setDragged(null);
    setOver(null);
  };
  return (
    <>
      <ol className="arranger" aria-label="Tiles; move with the arrow keys">
        {layout.map((node, index) => (
          <li
            key={node.type}
            tabIndex={0}
            draggable
            className={over === index && dragged !== index ? "card tile arranging over" : "card tile arranging"}
            onKeyDown={(event) => event.target === event.currentTarget && pressed(event, index)}
            onDragStart={() => setDragged(index)}
            onDragOver={(event) => {
              event.preventDefault();
              setOver(index);
            }}
            onDragEnd={drop}
          >
            <header>
              <h2>{node.title}</h2>
              <div className="tile-head">
                <button type="button" className="icon" aria-label={`Move ${node.title} up`} disabled={index === 0} onClick={() => onChange(moved(layout, index, index - 1))}>
                  ↑
                </button>
                <button type="button" className="icon" aria-label={`Move ${node.title} down`} disabled={index === layout.length - 1} onClick={() => onChange(moved(layout, index, index + 1))}>
                  ↓
                </button>
                <button type="button" className="icon" aria-label={`Remove ${node.title}`} onClick={() => onChange(without(layout, node.type))}>
                  ✕
                </button>
              </div>
            </header>
          </li>
        ))}
      </ol>
      {missing.length > 0 && (
        <div className="row wrap">
          <span className="muted">Add</span>
          {missing.map(([type, title]) => (
            <button key={type} type="button" onClick={() => onChange(withTile(layout, kind, type))}>
              + {title}
            </button>
          ))}
        </div>
      )}
    </>
  );
}
