import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState, type ReactNode } from "react";
import { useLocation } from "wouter";
import { get } from "../api/http";
import { opening } from "../charts/table";
import { Ago, Empty, Failure, Loading } from "../parts/parts";

export type Named = { id: number; name: string | null; last_modified_at: string };

export const title = ({ name }: Pick<Named, "name">): string => name || "Unnamed";

type Given<T> = {
  /** What they are called, such as “insights”: their path in the API, and what the cache knows them by. */
  kind: string;
  /** More of the API's address. */
  asked?: string;
  empty: string;
  address: (row: T) => string;
  /** A button to make one, and buttons for each. */
  make?: ReactNode;
  tools?: (row: T) => ReactNode;
};

/** What people keep under a name, found by it. */
export function Kept<T extends Named>({ kind, asked = "", empty, address, make, tools }: Given<T>) {
  const [, navigate] = useLocation();
  const [search, setSearch] = useState("");
  const sought = useDeferredValue(search.trim());
  const found = useQuery({
    queryKey: [kind, sought],
    queryFn: ({ signal }) => get<{ results: T[] }>(`${kind}/?${asked}limit=200&search=${encodeURIComponent(sought)}`, signal),
    placeholderData: (before) => before,
  });
  const rows = found.data?.results ?? [];
  const one = kind.slice(0, -1);
  return (
    <>
      <div className="row wrap">
        <input data-search type="search" className="search" aria-label={`Search ${kind}`} placeholder="Name" value={search} onChange={(event) => setSearch(event.target.value)} />
        {rows.length > 0 && make}
      </div>
      {found.isPending && <Loading lines={6} />}
      {found.error && <Failure error={found.error} retry={() => found.refetch()} />}
      {found.data && rows.length === 0 && (
        <Empty title={sought ? "Nothing found" : `No ${kind} yet`} action={sought ? undefined : make}>
          {sought ? `No ${one} has these words in its name.` : empty}
        </Empty>
      )}
      {rows.length > 0 && (
        <div className="scroll">
          <table className="list">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Changed</th>
                {tools && (
                  <th scope="col">
                    <span className="hidden">More</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.id} {...opening(() => navigate(address(row)))}>
                  <th scope="row">{title(row)}</th>
                  <td>
                    <Ago at={row.last_modified_at} />
                  </td>
                  {tools && (
                    <td onClick={(event) => event.stopPropagation()} onKeyDown={(event) => event.stopPropagation()}>
                      {tools(row)}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

/** The name of what is kept, to be changed in place. */
export function Name({ label, name, onChange }: { label: string; name: string | null; onChange: (name: string) => void }) {
  return (
    <input
      aria-label={label}
      className="search"
      key={name}
      defaultValue={name ?? ""}
      onBlur={(event) => event.target.value.trim() !== (name ?? "") && onChange(event.target.value.trim())}
      onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
    />
  );
}
