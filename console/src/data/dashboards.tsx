import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { useLocation } from "wouter";
import { get, patch, post } from "../api/http";
import { opening } from "../charts/table";
import { Ago, Empty, Failure, Loading } from "../parts/parts";
import { DASHBOARDS, title, type Dashboard } from "./dashboard";

/** Dashboards, pinned ones first; make one. */
export function Dashboards() {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [search, setSearch] = useState("");
  const [fault, setFault] = useState<unknown>(null);
  const sought = useDeferredValue(search.trim());
  const found = useQuery({
    queryKey: [...DASHBOARDS, sought],
    queryFn: ({ signal }) => get<{ results: Dashboard[] }>(`dashboards/?limit=200&search=${encodeURIComponent(sought)}`, signal),
    placeholderData: (before) => before,
  });
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
      setFault(null);
    } catch (error) {
      setFault(error);
    }
    await client.invalidateQueries({ queryKey: DASHBOARDS });
  };
  const make = () => attempt(async () => navigate(`/data/dashboards/${(await post<Dashboard>("dashboards/", { name: "New dashboard" })).id}`));
  const pin = (each: Dashboard) => attempt(async () => void (await patch(`dashboards/${each.id}/`, { pinned: !each.pinned })));
  const makes = (
    <button type="button" className="primary" onClick={make}>
      New dashboard
    </button>
  );
  return (
    <>
      <div className="row wrap">
        <input data-search type="search" className="search" aria-label="Search dashboards" placeholder="Name" value={search} onChange={(event) => setSearch(event.target.value)} />
        {found.data && found.data.results.length > 0 && makes}
      </div>
      {fault !== null && <Failure error={fault} />}
      {found.isPending && <Loading lines={6} />}
      {found.error && <Failure error={found.error} retry={() => found.refetch()} />}
      {found.data?.results.length === 0 && (
        <Empty title={sought ? "Nothing found" : "No dashboards yet"} action={sought ? undefined : makes}>
          {sought ? "No dashboard has these words in its name." : "A dashboard shows saved insights side by side."}
        </Empty>
      )}
      {found.data && found.data.results.length > 0 && (
        <div className="scroll">
          <table className="list">
            <thead>
              <tr>
                <th scope="col">Dashboard</th>
                <th scope="col">Changed</th>
                <th scope="col">
                  <span className="hidden">Pinned</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {found.data.results.map((each) => (
                <tr key={each.id} {...opening(() => navigate(`/data/dashboards/${each.id}`))}>
                  <th scope="row">{title(each)}</th>
                  <td>
                    <Ago at={each.last_modified_at} />
                  </td>
                  <td>
                    <button
                      type="button"
                      className="quiet"
                      aria-pressed={each.pinned}
                      onKeyDown={(event) => event.stopPropagation()}
                      onClick={(event) => {
                        event.stopPropagation();
                        void pin(each);
                      }}
                    >
                      {each.pinned ? "Pinned" : "Pin"}
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
