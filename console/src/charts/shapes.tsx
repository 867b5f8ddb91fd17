import type { Cohort, Edge, FunnelStep, Series } from "../api/query";
import { brief, cell, number, percent, seconds } from "../parts/show";

/** One number, large. */
export function Single({ value, label }: { value: number; label: string }) {
  return (
    <div className="single">
      <b>{number(value)}</b>
      <span className="muted">{label}</span>
    </div>
  );
}

/** Named values, largest first, as horizontal bars. */
export function Bars({ rows, share = false }: { rows: { name: string; value: number; hint?: string }[]; share?: boolean }) {
  const most = Math.max(...rows.map((row) => row.value), 0);
  const sum = rows.reduce((total, row) => total + row.value, 0);
  return (
    <ol className="bars">
      {rows.map((row, index) => (
        <li key={index} title={row.hint}>
          <span>{row.name}</span>
          <i>
            <i style={{ width: `${most ? Math.max(0, (100 * row.value) / most) : 0}%` }} />
          </i>
          <b>
            {brief(row.value)}
            {share && <small className="muted"> {percent(row.value, sum)}</small>}
          </b>
        </li>
      ))}
    </ol>
  );
}

/** How many came how far. Each breakdown value is a funnel of its own. */
export function Funnel({ steps }: { steps: FunnelStep[] | FunnelStep[][] }) {
  const funnels = (Array.isArray(steps[0]) ? steps : [steps]) as FunnelStep[][];
  return (
    <div className="funnels">
      {funnels.slice(0, 6).map((each, index) => (
        <OneFunnel key={index} steps={each} />
      ))}
    </div>
  );
}

function OneFunnel({ steps }: { steps: FunnelStep[] }) {
  const entered = steps[0]?.count ?? 0;
  const title = steps[0]?.breakdown_value;
  return (
    <div className="funnel">
      {title !== undefined && <h4>{cell(Array.isArray(title) ? title.join(", ") : title)}</h4>}
      <ol>
        {steps.map((step, index) => {
          const before = steps[index - 1]?.count ?? step.count;
          return (
            <li key={index}>
              <div className="pillar">
                <i style={{ height: `${entered ? (100 * step.count) / entered : 0}%` }} />
              </div>
              <strong>{step.custom_name ?? step.name}</strong>
              <b>
                {percent(step.count, entered)} <small className="muted">{number(step.count)}</small>
              </b>
              {index > 0 && (
                <small className="muted">
                  {percent(step.count, before)} of the step before
                  {step.average_conversion_time !== null && <>, after {seconds(step.average_conversion_time)}</>}
                </small>
              )}
            </li>
          );
        })}
      </ol>
    </div>
  );
}

/** Who came back: a row for each cohort, a column for each period since. */
export function Retention({ cohorts }: { cohorts: Cohort[] }) {
  const width = Math.max(...cohorts.map((cohort) => cohort.values.length), 0);
  return (
    <div className="scroll">
      <table className="retention">
        <thead>
          <tr>
            <th scope="col">Cohort</th>
            <th scope="col">People</th>
            {Array.from({ length: width }, (_, index) => (
              <th key={index} scope="col">
                {index}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cohorts.map((cohort) => {
            const size = cohort.values[0]?.count ?? 0;
            return (
              <tr key={cohort.label}>
                <th scope="row">{cohort.date.slice(0, 10)}</th>
                <td>{number(size)}</td>
                {cohort.values.map((value, index) => (
                  <td key={index} title={`${number(value.count)} people`} style={{ background: shade(value.count, size) }}>
                    {size ? percent(value.count, size) : "–"}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

const shade = (count: number, size: number): string =>
  `color-mix(in srgb, var(--accent) ${size ? Math.round((45 * count) / size) : 0}%, transparent)`;

/** The most frequent steps from one place to the next. */
export function Paths({ edges }: { edges: Edge[] }) {
  const place = (text: string) => text.replace(/^\d+_/, "");
  return (
    <Bars
      rows={edges.slice(0, 20).map((edge) => ({
        name: `${place(edge.source)} → ${place(edge.target)}`,
        value: edge.value,
        hint: `after ${seconds(edge.average_conversion_time / 1000)} on average`,
      }))}
    />
  );
}

/** The numbers of a trend as a table. */
export function trendRows(series: Series[]): { columns: string[]; rows: unknown[][] } {
  const [first] = series;
  if (!first?.days.length)
    return { columns: ["series", "value"], rows: series.map((each) => [each.label, each.aggregated_value ?? each.count]) };
  return {
    columns: ["date", ...series.map((each) => each.label)],
    rows: first.days.map((day, index) => [day, ...series.map((each) => each.data[index])]),
  };
}
