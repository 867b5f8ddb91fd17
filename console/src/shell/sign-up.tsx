import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useLocation, useParams } from "wouter";
import { ApiError, call } from "../api/http";
import type { OpenInviteAnswer, UserBasic } from "../api/schema";
import { Failure, Field, Loading } from "../parts/parts";

type Session = { is_signed_in: boolean; user: UserBasic | null };

/** Where an invite's link leads: joins as who is signed in, or makes an account. */
export function SignUp() {
  const { token = "" } = useParams<{ token: string }>();
  const path = `/api/signup/${encodeURIComponent(token)}/`;
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [fault, setFault] = useState<unknown>(null);
  const invite = useQuery({ queryKey: ["invite", token], queryFn: () => call<OpenInviteAnswer>("GET", path), retry: false });
  const session = useQuery({ queryKey: ["session"], queryFn: () => call<Session>("GET", "/api/session/") });

  const join = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const values = Object.fromEntries([...new FormData(event.currentTarget)].filter(([, value]) => value !== ""));
    try {
      await call("POST", path, values);
      client.clear();
      navigate("/", { replace: true });
    } catch (error) {
      setFault(error);
    }
  };
  const said = (name: string) => (fault instanceof ApiError && fault.attr === name ? fault.message : null);
  const isElsewhere = fault !== null && !["email", "first_name", "password"].some(said);
  const user = session.data?.user;
  return (
    <main className="sign-in">
      <form onSubmit={join} className="card">
        <img src="/favicon.svg" alt="" width={40} height={40} />
        <h1>{invite.data ? `Join ${invite.data.organization_name}` : "Join"}</h1>
        {(invite.isPending || session.isPending) && <Loading />}
        {invite.error && <Failure error={invite.error} />}
        {invite.data && session.data && (
          <>
            {user ? (
              <p>You are signed in as {user.email}, and join with that account.</p>
            ) : (
              <>
                <Field label="Your name" error={said("first_name")}>
                  {(id) => <input id={id} name="first_name" defaultValue={invite.data.first_name} autoComplete="given-name" autoFocus />}
                </Field>
                {invite.data.target_email ? (
                  <p className="muted">For {invite.data.target_email}.</p>
                ) : (
                  <Field label="E-mail" error={said("email")} help="It signs you in; no mail is sent there.">
                    {(id) => <input id={id} name="email" inputMode="email" autoComplete="username" />}
                  </Field>
                )}
                <Field label="Password" error={said("password")} help="At least 8 characters.">
                  {(id) => <input id={id} name="password" type="password" autoComplete="new-password" />}
                </Field>
              </>
            )}
            {isElsewhere && <Failure error={fault} />}
            <button type="submit" className="primary">
              Join
            </button>
          </>
        )}
      </form>
    </main>
  );
}
