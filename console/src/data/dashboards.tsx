import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { patch, post } from "../api/http";
import { Failure } from "../parts/parts";
import { DASHBOARDS, type Dashboard } from "./dashboard";
import { Kept } from "./kept";

/** Dashboards, pinned ones first; make one. */
export function Dashboards() {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [fault, setFault] = useState<unknown>(null);
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
  const pin = (each: Dashboard) => attempt(() => patch(`dashboards/${each.id}/`, { pinned: !each.pinned }));
  return (
    <>
      {fault !== null && <Failure error={fault} />}
      <Kept<Dashboard>
        kind="dashboards"
        empty="A dashboard shows saved insights side by side."
        address={(each) => `/data/dashboards/${each.id}`}
        make={
          <button type="button" className="primary" onClick={make}>
            New dashboard
          </button>
        }
        tools={(each) => (
          <button type="button" className="quiet" aria-pressed={each.pinned} onClick={() => pin(each)}>
            {each.pinned ? "Pinned" : "Pin"}
          </button>
        )}
      />
    </>
  );
}
