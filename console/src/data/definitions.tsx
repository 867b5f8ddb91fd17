import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/query";
import { Card, Empty, Failure, Loading } from "../parts/parts";
import { number } from "../parts/show";

type Named = { event: string; count: number };
type Sample = { property: string; sample_values: string[]; sample_count: number };

/** The names in use: events, and what each carries. */
export function Definitions() {
  const [chosen, setChosen] = useState<string | null>(null);
  const events = useQuery({ queryKey: ["event-names"], queryFn: () => ask<{ results: Named[] }>({ kind: "TeamTaxonomyQuery" }), staleTime: 60_000 });
  const shown = chosen ?? events.data?.results[0]?.event ?? null;
  if (events.isPending) return <Loading lines={8} />;
  if (events.error) return <Failure error={events.error} retry={() => events.refetch()} />;
  if (!shown) return <Empty title="No names yet">They appear with the first events.</Empty>;
  return (
    <div className="profile">
      <Card title="Events, last 30 days">
        <ul className="lines">
          {events.data.results.map((each) => (
            <li key={each.event}>
              <button type="button" className="link" aria-pressed={each.event === shown} onClick={() => setChosen(each.event)} style={{ flex: 1, fontWeight: each.event === shown ? 650 : 400 }}>
                {each.event}
              </button>
              <span className="muted">{number(each.count)}</span>
            </li>
          ))}
        </ul>
      </Card>
      <Properties event={shown} />
    </div>
  );
}

function Properties({ event }: { event: string }) {
  const found = useQuery({ queryKey: ["event-properties", event], queryFn: () => ask<{ results: Sample[] }>({ kind: "EventTaxonomyQuery", event }), staleTime: 60_000 });
  return (
    <Card title={`Properties of ${event}`}>
      {found.isPending && <Loading lines={6} />}
      {found.error && <Failure error={found.error} />}
      {found.data && (
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Property</th>
                <th scope="col">Values seen</th>
                <th scope="col" className="number">
                  Different
                </th>
              </tr>
            </thead>
            <tbody>
              {found.data.results.map((each) => (
                <tr key={each.property}>
                  <th scope="row">{each.property}</th>
                  <td className="muted" style={{ overflowWrap: "anywhere", minWidth: "9rem" }}>
                    {each.sample_values.slice(0, 4).join(", ").slice(0, 160)}
                  </td>
                  <td className="number">{number(each.sample_count)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
