import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { call, reason } from "../api/http";
import type { UserAnswer } from "../api/schema";
import { Field } from "../parts/parts";
import { SignOut } from "./sign-out";

/** For who has an account and nothing else: the organization was left, or its projects are gone. */
export function NoProject({ me }: { me: UserAnswer }) {
  const client = useQueryClient();
  const [fault, setFault] = useState<string | null>(null);
  const kind = me.organization ? "project" : "organization";
  const make = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    try {
      await call("POST", `/api/${kind}s/`, { name: new FormData(event.currentTarget).get("name") });
      await client.resetQueries();
    } catch (error) {
      setFault(reason(error));
    }
  };
  return (
    <main className="sign-in">
      <form onSubmit={make} className="card">
        <img src="/favicon.svg" alt="" width={40} height={40} />
        <h1>No project yet</h1>
        <p>
          {me.organization ? `${me.organization.name} has no project.` : `${me.email} belongs to no organization.`} Make a new one, or ask somebody for an
          invite.
        </p>
        <Field label={me.organization ? "Name of the project" : "Name of the organization"} error={fault}>
          {(id) => <input id={id} name="name" maxLength={64} required autoFocus />}
        </Field>
        <button type="submit" className="primary">
          Create {kind}
        </button>
        <SignOut />
      </form>
    </main>
  );
}
