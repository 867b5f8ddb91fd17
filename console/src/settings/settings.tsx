import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, patch } from "../api/http";
import type { ProjectAnswer, UserAnswer } from "../api/schema";
import { Card, Copyable, Failure, Heading, Loading } from "../parts/parts";
import { bytes, date, number } from "../parts/show";
import { SignOut } from "../shell/sign-out";
import { applyTheme, theme, type Theme } from "../shell/theme";
import { useInstance } from "./instance";
import { Keys } from "./keys";
import { Members } from "./members";
import { Warnings } from "./warnings";

/** The project, its keys and people, what capture complains of, how the server is. */
export default function Settings() {
  return (
    <div className="page">
      <Heading title="Settings" />
      <div className="columns">
        <div>
          <Project />
          <Keys />
          <Account />
          <Members />
        </div>
        <div>
          <Health />
          <Warnings />
          <Appearance />
        </div>
      </div>
    </div>
  );
}

function Project() {
  const project = useQuery({ queryKey: ["project"], queryFn: () => call<ProjectAnswer>("GET", "/api/projects/@current/") });
  const client = useQueryClient();
  const [fault, setFault] = useState<unknown>(null);
  const change = async (values: Partial<ProjectAnswer>) => {
    try {
      await patch("", values);
      setFault(null);
    } catch (error) {
      setFault(error);
    }
    // The name is in the frame, and days of charts begin by the time zone.
    await client.invalidateQueries();
  };
  return (
    <Card title="Project">
      {fault !== null && <Failure error={fault} />}
      {project.isPending && <Loading />}
      {project.error && <Failure error={project.error} retry={() => project.refetch()} />}
      {project.data && (
        <dl className="pairs">
          <Pair name="Name">
            <InPlace label="Project name" value={project.data.name} onChange={(name) => change({ name })} />
          </Pair>
          <Pair name="Id">{project.data.id}</Pair>
          <Pair name="Time zone">
            <InPlace label="Time zone" value={project.data.timezone} choices={ZONES} onChange={(timezone) => change({ timezone })} />
          </Pair>
          <Pair name="Since">{date(project.data.created_at)}</Pair>
          <Pair name="Address for SDKs">
            <Copyable text={location.origin} label="the address" />
          </Pair>
          <Pair name="Project API key">
            <Copyable text={project.data.api_token} label="the project API key" />
          </Pair>
        </dl>
      )}
      <p className="muted">The project key only sends events; it may be public.</p>
    </Card>
  );
}

const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")];

/** A value that is changed where it stands: Enter or leaving it keeps the change, Escape drops it. */
function InPlace({ label, value, choices, onChange }: { label: string; value: string; choices?: string[]; onChange: (value: string) => void }) {
  if (choices)
    return (
      <select aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
        {(choices.includes(value) ? choices : [value, ...choices]).map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    );
  return (
    <input
      key={value}
      aria-label={label}
      defaultValue={value}
      onBlur={(event) => {
        const text = event.target.value.trim();
        if (text && text !== value) onChange(text);
        else event.target.value = value;
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") event.currentTarget.value = value;
        if (event.key === "Enter" || event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}

function Account() {
  const me = useQuery({ queryKey: ["me"], queryFn: () => call<UserAnswer>("GET", "/api/users/@me/") });
  return (
    <Card title="You" actions={<SignOut />}>
      {me.data && (
        <dl className="pairs">
          <Pair name="Name">{`${me.data.first_name} ${me.data.last_name}`.trim()}</Pair>
          <Pair name="E-mail">{me.data.email}</Pair>
          <Pair name="Organization">{me.data.organization?.name}</Pair>
        </dl>
      )}
    </Card>
  );
}

function Health() {
  const instance = useInstance(5_000);
  return (
    <Card title="Server">
      {instance.isPending && <Loading lines={6} />}
      {instance.error && <Failure error={instance.error} retry={() => instance.refetch()} />}
      {instance.data && (
        <dl className="pairs">
          <Pair name="Version">{instance.data.version}</Pair>
          <Pair name="Assistant">{instance.data.model ?? "built-in query reader, no language model"}</Pair>
          <Pair name="Event store">
            {instance.data.event_store}, {instance.data.event_store_health}
          </Pair>
          <Pair name="Database">{instance.data.database}</Pair>
          <Pair name="Waiting events">{instance.data.queued_events ? `${number(instance.data.queued_events)} (${bytes(instance.data.queued_bytes)})` : "none"}</Pair>
          {instance.data.memory_bytes !== null && <Pair name="Memory">{bytes(instance.data.memory_bytes)} in use by furze</Pair>}
          <Pair name="Disk">
            <progress max={instance.data.disk_total} value={instance.data.disk_total - instance.data.disk_free} aria-label="Disk in use" /> {bytes(instance.data.disk_free)} free of{" "}
            {bytes(instance.data.disk_total)}
          </Pair>
        </dl>
      )}
    </Card>
  );
}

function Appearance() {
  return (
    <Card title="Appearance">
      <select
        aria-label="Light or dark"
        defaultValue={theme()}
        onChange={(event) => {
          applyTheme(event.target.value as Theme);
          dispatchEvent(new Event("furze-theme"));
        }}
      >
        <option value="system">As the system says</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </Card>
  );
}

function Pair({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
