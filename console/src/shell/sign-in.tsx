import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { useLocation, useSearchParams } from "wouter";
import { call, reason } from "../api/http";
import { Field } from "../parts/parts";

/** Signs in by the token of a link, or asks for email and password, or for a personal API key. */
export function SignIn() {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [search] = useSearchParams();
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const token = search.get("token");
  const next = search.get("next");
  // Who comes by a link that is used up may have no password yet.
  const [byKey, setByKey] = useState(token !== null);
  const used = useRef<string | null>(null);

  const signIn = async (body: Record<string, string>) => {
    setBusy(true);
    setFault(null);
    try {
      await call("POST", "/api/login/", body);
      client.clear();
      navigate(next?.startsWith("/") && !next.startsWith("//") ? next : "/", { replace: true });
    } catch (error) {
      setFault(reason(error));
      setBusy(false);
    }
  };
  useEffect(() => {
    // The token works once, and effects run twice while developing.
    if (!token || used.current === token) return;
    used.current = token;
    navigate("/sign-in", { replace: true });
    void signIn({ token });
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(event.currentTarget)) as Record<string, string>;
    if (values.personal_api_key !== undefined) values.personal_api_key = values.personal_api_key.trim();
    if (Object.values(values).every(Boolean)) void signIn(values);
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit} className="card">
        <img src="/favicon.svg" alt="" width={40} height={40} />
        <h1>Sign in to furze</h1>
        {byKey ? (
          <Field
            key="key"
            label="Personal API key"
            error={fault}
            help="The first start printed one. On the machine itself, each start of furze serve also prints a link that signs you in."
          >
            {(id) => <input id={id} name="personal_api_key" type="password" autoComplete="off" placeholder="phx_…" autoFocus />}
          </Field>
        ) : (
          <>
            <Field key="email" label="E-mail">
              {(id) => <input id={id} name="email" type="text" inputMode="email" autoComplete="username" autoFocus />}
            </Field>
            <Field
              key="password"
              label="Password"
              error={fault}
              help="None yet? A personal API key signs you in, or the link that furze serve prints on the machine itself."
            >
              {(id) => <input id={id} name="password" type="password" autoComplete="current-password" />}
            </Field>
          </>
        )}
        <button type="submit" className="primary" disabled={busy}>
          {busy ? "Signing in …" : "Sign in"}
        </button>
        <button
          type="button"
          className="quiet"
          onClick={() => {
            setByKey(!byKey);
            setFault(null);
          }}
        >
          {byKey ? "Use e-mail and password" : "Use a personal API key"}
        </button>
      </form>
    </main>
  );
}
