import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useLocation } from "wouter";
import { call } from "../api/http";
import type { InviteAnswer, MemberAnswer, NewInviteAnswer, Page_InviteAnswer, Page_MemberAnswer, UserAnswer } from "../api/schema";
import { Ago, Card, Copyable, Dialog, Failure, Field, Loading } from "../parts/parts";
import { date } from "../parts/show";

const MEMBER = 1;
const ADMIN = 8;
const LEVELS: Record<number, string> = { [MEMBER]: "member", [ADMIN]: "administrator", 15: "owner" };
const HERE = "/api/organizations/@current/";
const LEAVE = "members/@me/";

const nameOf = ({ user }: MemberAnswer) => `${user.first_name} ${user.last_name}`.trim() || user.email;
const levelsUpTo = (most: number) => Object.entries(LEVELS).filter(([level]) => Number(level) <= most);

/** Who belongs to the organization, and as what; invites that nobody has used. */
export function Members({ me }: { me: UserAnswer }) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const members = useQuery({ queryKey: ["members"], queryFn: () => call<Page_MemberAnswer>("GET", `${HERE}members/`) });
  const invites = useQuery({ queryKey: ["invites"], queryFn: () => call<Page_InviteAnswer>("GET", `${HERE}invites/`) });
  const [isInviting, setInviting] = useState(false);
  const [doomed, setDoomed] = useState<MemberAnswer | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const own = me.organization?.membership_level ?? MEMBER;
  const change = async (method: string, path: string, body?: unknown) => {
    try {
      await call(method, HERE + path, body);
    } catch (error) {
      setFault(error);
      setDoomed(null);
      return;
    }
    setFault(null);
    setDoomed(null);
    // Who leaves goes on in another project, or in none.
    if (path === LEAVE) navigate("/");
    await (path === LEAVE ? client.resetQueries() : client.invalidateQueries());
  };
  const remove = (member: MemberAnswer) => change("DELETE", member.user.uuid === me.uuid ? LEAVE : `members/${member.user.uuid}/`);
  return (
    <Card
      title="Members"
      actions={
        <button type="button" onClick={() => setInviting(true)}>
          Invite
        </button>
      }
    >
      {fault !== null && <Failure error={fault} />}
      {members.isPending && <Loading />}
      {members.error && <Failure error={members.error} retry={() => members.refetch()} />}
      <ul className="lines">
        {members.data?.results.map((member) => {
          const isMe = member.user.uuid === me.uuid;
          const isMine = !isMe && own >= ADMIN && own >= member.level;
          return (
            <li key={member.id}>
              <div style={{ flex: 1, minWidth: 0, overflowWrap: "anywhere" }}>
                <strong>{nameOf(member)}</strong>
                <div className="muted">{member.user.email}</div>
              </div>
              {isMine ? (
                <select
                  aria-label={`Role of ${nameOf(member)}`}
                  value={member.level}
                  onChange={(event) => change("PATCH", `members/${member.user.uuid}/`, { level: Number(event.target.value) })}
                >
                  {levelsUpTo(own).map(([level, title]) => (
                    <option key={level} value={level}>
                      {title}
                    </option>
                  ))}
                </select>
              ) : (
                <span className="muted">
                  {LEVELS[member.level] ?? `level ${member.level}`} since {date(member.joined_at)}
                </span>
              )}
              {(isMine || isMe) && (
                <button type="button" className="icon" aria-label={isMe ? "Leave the organization" : `Remove ${nameOf(member)}`} onClick={() => setDoomed(member)}>
                  ✕
                </button>
              )}
            </li>
          );
        })}
        {invites.data?.results.map((invite) => (
          <Invited key={invite.id} invite={invite} onDelete={() => change("DELETE", `invites/${invite.id}/`)} />
        ))}
      </ul>
      {isInviting && (
        <Invite
          most={own}
          onClose={() => {
            setInviting(false);
            void client.invalidateQueries({ queryKey: ["invites"] });
          }}
        />
      )}
      {doomed && (
        <Dialog title={doomed.user.uuid === me.uuid ? "Leave the organization?" : "Remove this member?"} onClose={() => setDoomed(null)}>
          <p>{doomed.user.uuid === me.uuid ? "You reach" : `${nameOf(doomed)} reaches`} its projects no more, nor do that account's keys.</p>
          <div className="row end">
            <button type="button" onClick={() => setDoomed(null)}>
              Cancel
            </button>
            <button type="button" className="danger" onClick={() => remove(doomed)}>
              {doomed.user.uuid === me.uuid ? "Leave" : "Remove"}
            </button>
          </div>
        </Dialog>
      )}
    </Card>
  );
}

function Invited({ invite, onDelete }: { invite: InviteAnswer; onDelete: () => void }) {
  const whom = invite.target_email || invite.first_name || "whoever has the link";
  return (
    <li>
      <div style={{ flex: 1, minWidth: 0, overflowWrap: "anywhere" }}>
        {whom}
        <div className="muted">
          {invite.is_expired ? "invite has expired" : `invited as ${LEVELS[invite.level]}`} · <Ago at={invite.created_at} />
        </div>
      </div>
      <button type="button" className="icon" aria-label={`Take back the invite of ${whom}`} onClick={onDelete}>
        ✕
      </button>
    </li>
  );
}

function Invite({ most, onClose }: { most: number; onClose: () => void }) {
  const [made, setMade] = useState<NewInviteAnswer | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const make = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { email, level } = Object.fromEntries(new FormData(event.currentTarget));
    try {
      setMade(await call<NewInviteAnswer>("POST", `${HERE}invites/`, { level: Number(level), ...(email ? { target_email: email } : {}) }));
    } catch (error) {
      setFault(error);
    }
  };
  return (
    <Dialog title="Invite" onClose={onClose}>
      {made ? (
        <div role="status">
          <p>Hand this link on. It works once, within three days, and is shown only now:</p>
          <Copyable text={made.link} label="the invite's link" />
        </div>
      ) : (
        <form onSubmit={make} className="new-key">
          <Field label="E-mail" help="Then only this address can come in. Without one, whoever has the link can. No mail is sent.">
            {(id) => <input id={id} name="email" inputMode="email" autoComplete="off" />}
          </Field>
          <Field label="Role">
            {(id) => (
              <select id={id} name="level">
                {levelsUpTo(most).map(([level, title]) => (
                  <option key={level} value={level}>
                    {title}
                  </option>
                ))}
              </select>
            )}
          </Field>
          {fault !== null && <Failure error={fault} />}
          <div className="row end">
            <button type="button" onClick={onClose}>
              Cancel
            </button>
            <button type="submit" className="primary">
              Make a link
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
