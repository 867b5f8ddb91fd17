import { useEffect } from "react";
import { call } from "../api/http";
import type { OwnUseAnswer, UserAnswer } from "../api/schema";

// Long after the page is useful: nobody waits for it.
const DELAY = 3_000;

/** Captures how the console is used into this server's own project `furze`, unless a setting says no. */
export function useOwnUse(me: UserAnswer) {
  useEffect(() => {
    const timer = setTimeout(() => capture(me).catch(() => undefined), DELAY);
    return () => clearTimeout(timer);
  }, [me.distinct_id]);
}

async function capture(me: UserAnswer) {
  const { token } = await call<OwnUseAnswer>("POST", "/api/own_use/");
  if (!token) return;
  const { default: posthog } = await import("posthog-js/dist/module.no-external");
  if (posthog.__loaded) return;
  posthog.init(token, {
    api_host: location.origin,
    capture_pageview: "history_change",
    // Which buttons are pressed, not what is written beside them: that may be the data of others.
    mask_all_text: true,
    mask_all_element_attributes: true,
    persistence: "localStorage",
    person_profiles: "identified_only",
    advanced_disable_flags: true,
    disable_external_dependency_loading: true,
    disable_session_recording: true,
    disable_surveys: true,
  });
  posthog.identify(me.distinct_id, { email: me.email });
}
