import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/http";
import type { ProjectAnswer } from "../api/schema";
import { Copyable, Heading, Loading, Tabs } from "../parts/parts";

type Language = "web" | "node" | "python" | "curl";

const snippets = (key: string, host: string): Record<Language, string> => ({
  web: `import posthog from "posthog-js";

posthog.init("${key}", { api_host: "${host}" });
posthog.capture("signed up", { plan: "pro" });`,
  node: `import { PostHog } from "posthog-node";

const posthog = new PostHog("${key}", { host: "${host}" });
posthog.capture({ distinctId: "ada", event: "signed up", properties: { plan: "pro" } });
await posthog.shutdown();`,
  python: `from posthog import Posthog

posthog = Posthog("${key}", host="${host}")
posthog.capture("signed up", distinct_id="ada", properties={"plan": "pro"})
posthog.shutdown()`,
  curl: `curl ${host}/batch/ -H 'Content-Type: application/json' -d '{
  "api_key": "${key}",
  "batch": [{"event": "signed up", "distinct_id": "ada", "properties": {"plan": "pro"}}]
}'`,
});

/** An empty project: how to send the first event. The page changes by itself when it has come. */
export function FirstEvent() {
  const [language, setLanguage] = useState<Language>("web");
  const project = useQuery({ queryKey: ["project"], queryFn: () => call<ProjectAnswer>("GET", "/api/projects/@current/") });
  if (!project.data) return <Loading />;
  const text = snippets(project.data.api_token, location.origin)[language];
  return (
    <div className="first-event">
      <Heading title="Send the first event" sub="Any PostHog SDK works: give it this server’s address and the project’s key." />
      <p>
        Project API key <Copyable text={project.data.api_token} label="the project API key" />
      </p>
      <Tabs
        label="Language"
        value={language}
        onChange={setLanguage}
        options={[
          ["web", "Web"],
          ["node", "Node"],
          ["python", "Python"],
          ["curl", "curl"],
        ]}
      />
      <pre className="snippet">{text}</pre>
      <p className="waiting" role="status">
        <i className="pulse" /> Waiting for the first event …
      </p>
    </div>
  );
}
