import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { ApiError, call, reason } from "../api/http";
import type { UserAnswer } from "../api/schema";
import { Card, Dialog, Failure, Field } from "../parts/parts";
import { SignOut } from "../shell/sign-out";
import { InPlace, Pair } from "./pairs";

/** Who is signed in: names, address, password. */
export function Account({ me }: { me: UserAnswer }) {
  const client = useQueryClient();
  const [fault, setFault] = useState<unknown>(null);
  const [isSetting, setSetting] = useState(false);
  const change = async (values: Record<string, string>) => {
    try {
      await call("PATCH", "/api/users/@me/", values);
      setFault(null);
    } catch (error) {
      setFault(error);
    }
    await client.invalidateQueries({ queryKey: ["me"] });
  };
  return (
    <Card title="You" actions={<SignOut />}>
      {fault !== null && <Failure error={fault} />}
      <dl className="pairs">
        <Pair name="First name">
          <InPlace label="First name" value={me.first_name} onChange={(first_name) => change({ first_name })} />
        </Pair>
        <Pair name="Last name">
          <InPlace label="Last name" value={me.last_name} onChange={(last_name) => change({ last_name })} />
        </Pair>
        <Pair name="E-mail">
          <InPlace label="Your e-mail" value={me.email} onChange={(email) => change({ email })} />
        </Pair>
        <Pair name="Password">
          <button type="button" className="quiet" onClick={() => setSetting(true)}>
            {me.has_password ? "Change it" : "Set one"}
          </button>
        </Pair>
        <Pair name="Organization">{me.organization?.name}</Pair>
      </dl>
      {isSetting && (
        <Password
          me={me}
          onClose={() => {
            setSetting(false);
            void client.invalidateQueries({ queryKey: ["me"] });
          }}
        />
      )}
    </Card>
  );
}

function Password({ me, onClose }: { me: UserAnswer; onClose: () => void }) {
  const [fault, setFault] = useState<unknown>(null);
  const set = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    try {
      await call("PATCH", "/api/users/@me/", Object.fromEntries(new FormData(event.currentTarget)));
      onClose();
    } catch (error) {
      setFault(error);
    }
  };
  const isOfCurrent = fault instanceof ApiError && fault.attr === "current_password";
  return (
    <Dialog title={me.has_password ? "Change your password" : "Set a password"} onClose={onClose}>
      <form onSubmit={set} className="new-key">
        {me.has_password && (
          <Field label="Current password" error={isOfCurrent ? reason(fault) : null}>
            {(id) => <input id={id} name="current_password" type="password" autoComplete="current-password" />}
          </Field>
        )}
        <Field label="New password" error={fault !== null && !isOfCurrent ? reason(fault) : null} help={`At least 8 characters. It signs ${me.email} in; other browsers are signed out.`}>
          {(id) => <input id={id} name="password" type="password" autoComplete="new-password" required />}
        </Field>
        <div className="row end">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary">
            Save password
          </button>
        </div>
      </form>
    </Dialog>
  );
}
