import { useQuery } from "@tanstack/react-query";
import { call } from "../api/http";
import type { Page_MemberAnswer } from "../api/schema";
import { Card, Failure, Loading } from "../parts/parts";
import { date } from "../parts/show";

const LEVELS: Record<number, string> = { 1: "member", 8: "administrator", 15: "owner" };

/** Who belongs to the organization, and as what. */
export function Members() {
  const members = useQuery({ queryKey: ["members"], queryFn: () => call<Page_MemberAnswer>("GET", "/api/organizations/@current/members/") });
  return (
    <Card title="Members">
      {members.isPending && <Loading />}
      {members.error && <Failure error={members.error} retry={() => members.refetch()} />}
      <ul className="lines">
        {members.data?.results.map(({ id, user, level, joined_at }) => (
          <li key={id}>
            <div style={{ flex: 1, minWidth: 0, overflowWrap: "anywhere" }}>
              <strong>{`${user.first_name} ${user.last_name}`.trim() || user.email}</strong>
              <div className="muted">{user.email}</div>
            </div>
            <span className="muted">
              {LEVELS[level] ?? `level ${level}`} since {date(joined_at)}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
