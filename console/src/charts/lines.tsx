import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Series } from "../api/query";
import { brief, number } from "../parts/show";
import { colour, ink } from "./palette";

const HEIGHT = 240;
const MOST = 8;

/** Series over time. The legend switches each on and off. */
export function Lines({ series, bars = false, height = HEIGHT }: { series: Series[]; bars?: boolean; height?: number }) {
  const place = useRef<HTMLDivElement>(null);
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set());
  const [hovered, setHovered] = useState<number | null>(null);
  const [drawn, redraw] = useState(0);
  const shown = series.slice(0, MOST);
  const first = shown[0];

  useEffect(() => {
    const again = () => redraw((count) => count + 1);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("furze-theme", again);
    scheme.addEventListener("change", again);
    return () => {
      removeEventListener("furze-theme", again);
      scheme.removeEventListener("change", again);
    };
  }, []);

  useEffect(() => {
    const node = place.current;
    if (!node || !first) return;
    const chart = new uPlot(options(shown, hidden, bars, node.clientWidth, height, setHovered), columns(shown), node);
    const resize = new ResizeObserver(() => chart.setSize({ width: node.clientWidth, height }));
    resize.observe(node);
    return () => {
      resize.disconnect();
      chart.destroy();
    };
    // Series are compared by content: a query that refreshes gives new arrays of the same numbers.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [JSON.stringify(shown), hidden, bars, drawn, height]);

  const toggle = (index: number) =>
    setHidden((before) => {
      const after = new Set(before);
      if (!after.delete(index)) after.add(index);
      return after;
    });
  return (
    <figure className="chart">
      <div ref={place} style={{ height }} role="img" aria-label={summary(shown)} />
      <figcaption>
        <span className="muted">{hovered === null ? " " : first?.labels[hovered]}</span>
        {shown.map((each, index) => (
          <button key={index} type="button" className="legend" aria-pressed={!hidden.has(index)} onClick={() => toggle(index)}>
            <i style={{ background: colour(index) }} />
            {name(each)}
            <b>{brief(hovered === null ? total(each) : (each.data[hovered] ?? 0))}</b>
          </button>
        ))}
        {series.length > MOST && <span className="muted">and {series.length - MOST} more in the table</span>}
      </figcaption>
    </figure>
  );
}

export const name = (series: Series): string =>
  series.compare_label ? `${series.label} (${series.compare_label})` : series.label;

const clock = new Intl.DateTimeFormat("en", { timeStyle: "short", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en", { month: "short", day: "numeric" });

/** A tick of the time axis: its clock time, or its date where that is new and the clock says midnight. */
function when(tick: number, before: number | undefined): string {
  const time = new Date(tick * 1000);
  const isMidnight = clock.format(time) === "00:00";
  return isMidnight || (before !== undefined && tick - before >= 86_400) ? day.format(time) : clock.format(time);
}

const total = (series: Series): number => series.count;

const summary = (series: Series[]): string =>
  series.map((each) => `${name(each)}: ${number(total(each))} in all, ${each.labels[0]} to ${each.labels.at(-1)}`).join("; ");

function columns(series: Series[]): uPlot.AlignedData {
  const days = series[0]?.days ?? [];
  const times = days.map((day) => new Date(day.replace(" ", "T")).getTime() / 1000);
  return [times, ...series.map((each) => each.data)] as uPlot.AlignedData;
}

function options(
  series: Series[],
  hidden: ReadonlySet<number>,
  bars: boolean,
  width: number,
  height: number,
  hover: (index: number | null) => void,
): uPlot.Options {
  const { text, line } = ink();
  const axis = { stroke: text, font: "12px system-ui", grid: { stroke: line, width: 1 }, ticks: { show: false } };
  const { bars: barPath, spline } = uPlot.paths;
  const path = bars ? barPath?.({ size: [0.7, 60] }) : spline?.();
  return {
    width,
    height,
    legend: { show: false },
    padding: [10, 26, 0, 0],
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    hooks: { setCursor: [(chart) => hover(chart.cursor.idx ?? null)] },
    scales: { y: { range: (_chart, low, high) => [Math.min(0, low), high === low ? high + 1 : high * 1.08] } },
    axes: [
      { ...axis, size: 28, grid: { show: false }, space: 80, values: (_chart, ticks) => ticks.map((tick, index) => when(tick, ticks[index - 1])) },
      { ...axis, size: 52, values: (_chart, ticks) => ticks.map(brief) },
    ],
    series: [
      {},
      ...series.map((each, index) => ({
        label: name(each),
        show: !hidden.has(index),
        stroke: colour(index),
        width: bars ? 0 : 2,
        fill: bars ? `${colour(index)}cc` : series.length === 1 ? `${colour(index)}22` : "transparent",
        points: { show: !bars && each.data.length < 3 },
        ...(each.compare_label === "previous" ? { dash: [5, 4] } : {}),
        ...(path ? { paths: path } : {}),
      })),
    ],
  };
}
