import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { get } from "../api/http";
import type { CursorPage_GroupAnswer, GroupTypeAnswer, Page_PersonAnswer } from "../api/schema";
import { opening } from "../charts/table";
import { Ago, Empty, Failure, Heading, Loading, Tabs } from "../parts/parts";
import { cell, plural } from "../parts/show";

const PAGE = 50;

/** Everyone, and every group; found by what is known of them. */
export function PeopleList() {
  const [params, setParams] = useSearchParams();
  const [search, setSearch] = useState("");
  const sought = useDeferredValue(search.trim());
  const kind = params.get("groups") ?? "";
  const types = useQuery({ queryKey: ["group-types"], queryFn: () => get<GroupTypeAnswer[]>("groups_types/"), staleTime: 60_000 });
  const kinds: [string, string][] = [["", "People"], ...(types.data ?? []).map((each): [string, string] => [String(each.group_type_index), each.name_plural ?? each.group_type])];
  return (
    <>
      <Heading title="People">
        {kinds.length > 1 && <Tabs label="Kind" value={kind} options={kinds} onChange={(value) => setParams(value ? { groups: value } : {})} />}
      </Heading>
      <input
        data-search
        autoFocus
        type="search"
        className="search"
        aria-label="Search"
        placeholder={kind ? "Name or key" : "Name, e-mail or distinct id"}
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      {kind ? <Groups key={kind} index={kind} search={sought} /> : <Persons search={sought} />}
    </>
  );
}

function Persons({ search }: { search: string }) {
  const [, navigate] = useLocation();
  const people = useInfiniteQuery({
    queryKey: ["people", search],
    queryFn: ({ pageParam, signal }) => get<Page_PersonAnswer>(`persons/?limit=${PAGE}&offset=${pageParam}&search=${encodeURIComponent(search)}`, signal),
    initialPageParam: 0,
    getNextPageParam: (page, pages) => (page.next ? pages.length * PAGE : undefined),
    placeholderData: (before) => before,
  });
  if (people.isPending) return <Loading lines={8} />;
  if (people.error) return <Failure error={people.error} retry={() => people.refetch()} />;
  const found = people.data.pages.flatMap((page) => page.results);
  if (found.length === 0)
    return <Empty title={search ? "Nobody found" : "Nobody yet"}>{search ? "Try a part of the e-mail address or the distinct id." : "People appear with their first event."}</Empty>;
  return (
    <>
      <p className="muted">{plural(people.data.pages[0]?.count ?? 0, "person").replace("persons", "people")}</p>
      <div className="scroll">
        <table className="list">
          <thead>
            <tr>
              <th scope="col">Person</th>
              <th scope="col">Name</th>
              <th scope="col">First seen</th>
              <th scope="col">Last seen</th>
            </tr>
          </thead>
          <tbody>
            {found.map((person) => (
              <tr key={person.uuid} {...opening(() => navigate(`/people/${person.uuid}`))}>
                <th scope="row">{person.name}</th>
                <td>{cell(person.properties.name)}</td>
                <td>
                  <Ago at={person.created_at} />
                </td>
                <td>{person.last_seen_at ? <Ago at={person.last_seen_at} /> : ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {people.hasNextPage && (
        <button type="button" onClick={() => people.fetchNextPage()} disabled={people.isFetchingNextPage}>
          More
        </button>
      )}
    </>
  );
}

function Groups({ index, search }: { index: string; search: string }) {
  const [, navigate] = useLocation();
  const groups = useQuery({
    queryKey: ["groups", index, search],
    queryFn: ({ signal }) => get<CursorPage_GroupAnswer>(`groups/?group_type_index=${index}&search=${encodeURIComponent(search)}`, signal),
    placeholderData: (before) => before,
  });
  if (groups.isPending) return <Loading lines={8} />;
  if (groups.error) return <Failure error={groups.error} retry={() => groups.refetch()} />;
  if (groups.data.results.length === 0) return <Empty title="No group found">Groups appear when an SDK identifies one.</Empty>;
  return (
    <div className="scroll">
      <table className="list">
        <thead>
          <tr>
            <th scope="col">Group</th>
            <th scope="col">Key</th>
            <th scope="col">First seen</th>
          </tr>
        </thead>
        <tbody>
          {groups.data.results.map((group) => (
            <tr key={group.group_key} {...opening(() => navigate(`/people/groups/${index}/${encodeURIComponent(group.group_key)}`))}>
              <th scope="row">{cell(group.group_properties.name ?? group.group_key)}</th>
              <td className="muted">{group.group_key}</td>
              <td>
                <Ago at={group.created_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
