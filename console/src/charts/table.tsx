import { useMemo, useRef, useState, type UIEvent } from "react";
import { cell, number } from "../parts/show";

const ROW = 31;
const AHEAD = 20;

/** Rows and columns. Only the rows in sight are in the page, so ten thousand scroll as easily as ten. */
export function Table({ columns, rows, height = 420, onOpen }: { columns: string[]; rows: unknown[][]; height?: number; onOpen?: (row: unknown[]) => void }) {
  const [top, setTop] = useState(0);
  const [order, setOrder] = useState<{ column: number; down: boolean } | null>(null);
  const frame = useRef(0);
  const sorted = useMemo(() => (order ? [...rows].sort(by(order.column, order.down)) : rows), [rows, order]);
  const numeric = useMemo(() => columns.map((_, index) => rows.slice(0, 50).every((row) => row[index] === null || typeof row[index] === "number")), [columns, rows]);

  const first = Math.max(0, Math.floor(top / ROW) - AHEAD);
  const last = Math.min(sorted.length, Math.ceil((top + height) / ROW) + AHEAD);
  const scrolled = (event: UIEvent<HTMLDivElement>) => {
    const { scrollTop } = event.currentTarget;
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => setTop(scrollTop));
  };
  const sort = (column: number) => setOrder((before) => ({ column, down: before?.column === column ? !before.down : true }));
  return (
    <div className="scroll table" style={{ maxHeight: height }} onScroll={scrolled} tabIndex={0} role="region" aria-label={`Table of ${number(rows.length)} rows`}>
      <table>
        <thead>
          <tr>
            {columns.map((column, index) => (
              <th key={index} scope="col" className={numeric[index] ? "number" : ""} aria-sort={order?.column === index ? (order.down ? "descending" : "ascending") : "none"}>
                <button type="button" onClick={() => sort(index)}>
                  {column}
                  {order?.column === index && (order.down ? " ↓" : " ↑")}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr style={{ height: first * ROW }} aria-hidden="true" />}
          {sorted.slice(first, last).map((row, index) => (
            <tr key={first + index} {...(onOpen ? opening(() => onOpen(row)) : {})}>
              {row.map((value, column) => (
                <td key={column} className={numeric[column] ? "number" : ""} title={typeof value === "string" && value.length > 40 ? value : undefined}>
                  {cell(value)}
                </td>
              ))}
            </tr>
          ))}
          {last < sorted.length && <tr style={{ height: (sorted.length - last) * ROW }} aria-hidden="true" />}
        </tbody>
      </table>
    </div>
  );
}

/** What makes a row open something by click and by keyboard. */
export const opening = (open: () => void) => ({
  className: "opens",
  tabIndex: 0,
  onClick: open,
  onKeyDown: (event: { key: string; preventDefault: () => void }) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    open();
  },
});

const by =
  (column: number, down: boolean) =>
  (a: unknown[], b: unknown[]): number => {
    const [x, y] = [a[column], b[column]];
    const difference = typeof x === "number" && typeof y === "number" ? x - y : String(x ?? "").localeCompare(String(y ?? ""));
    return down ? -difference : difference;
  };
