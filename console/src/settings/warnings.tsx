import { useQuery } from "@tanstack/react-query";
import { get } from "../api/http";
import type { WarningsOfTypeAnswer } from "../api/schema";
import { Ago, Card, Failure, Loading } from "../parts/parts";
import { cell, number } from "../parts/show";

const SHOWN = 5;

/** What capture accepted in part or not at all, by type, with the newest examples. */
export function Warnings() {
  const warnings = useQuery({ queryKey: ["ingestion-warnings"], queryFn: () => get<WarningsOfTypeAnswer[]>("ingestion_warnings/"), refetchInterval: 15_000 });
  return (
    <Card title="Ingestion warnings">
      {warnings.isPending && <Loading />}
      {warnings.error && <Failure error={warnings.error} retry={() => warnings.refetch()} />}
      {warnings.data?.length === 0 && <p className="muted">None: every event was stored as it came.</p>}
      {warnings.data?.map((each) => (
        <details key={each.type}>
          <summary>
            {each.type.replaceAll("_", " ")} <b>{number(each.count)}</b> <span className="muted">last <Ago at={each.lastSeen} /></span>
          </summary>
          <ul className="lines">
            {each.warnings.slice(0, SHOWN).map((warning, index) => (
              <li key={index}>
                <span className="muted" style={{ flex: 1, overflowWrap: "anywhere" }}>
                  {Object.entries(warning.details)
                    .map(([key, value]) => `${key}: ${cell(value)}`)
                    .join(" · ")}
                </span>
                <Ago at={warning.timestamp} />
              </li>
            ))}
          </ul>
        </details>
      ))}
    </Card>
  );
}
