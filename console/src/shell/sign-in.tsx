import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { useLocation, useSearchParams } from "wouter";
import { call, reason } from "../api/http";
import { Field } from "../parts/parts";

/** Signs in by the token of a link, or asks for a personal API key. */
export function SignIn() {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [search] = useSearchParams();
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const token = search.get("token");
  const next = search.get("next");
  const used = useRef<string | null>(null);

  const signIn = async (body: { token: string } | { personal_api_key: string }) => {
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
    const key = new FormData(event.currentTarget).get("key");
    if (typeof key === "string" && key.trim()) void signIn({ personal_api_key: key.trim() });
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit} className="card">
        <img src="/favicon.svg" alt="" width={40} height={40} />
        <h1>Sign in to furze</h1>
        <Field
          label="Personal API key"
          error={fault}
          help="The first start printed one. On the machine itself, each start of furze serve also prints a link that signs you in."
        >
          {(id) => <input id={id} name="key" type="password" autoComplete="current-password" placeholder="phx_…" autoFocus />}
        </Field>
        <button type="submit" className="primary" disabled={busy}>
          {busy ? "Signing in …" : "Sign in"}
        </button>
      </form>
    </main>
  );
}
