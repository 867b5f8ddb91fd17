import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, patch } from "../api/http";
import type { ProjectAnswer, UserAnswer } from "../api/schema";
import { Card, Copyable, Failure, Heading, Loading } from "../parts/parts";
import { bytes, date, number } from "../parts/show";
import { applyTheme, theme, type Theme } from "../shell/theme";
import { Account } from "./account";
import { useInstance } from "./instance";
import { Keys } from "./keys";
import { Model } from "./model";
import { Members } from "./members";
import { InPlace, Pair } from "./pairs";
import { Projects } from "./projects";
import { Warnings } from "./warnings";

/** The project, its keys and people, what capture complains of, how the server is. */
export default function Settings() {
  const me = useQuery({ queryKey: ["me"], queryFn: () => call<UserAnswer>("GET", "/api/users/@me/") });
  return (
    <div className="page">
      <Heading title="Settings" />
      <div className="columns">
        <div>
          <Project />
          <Model />
          <Keys />
          {me.data && <Members me={me.data} />}
        </div>
        <div>
          {me.data && <Account me={me.data} />}
          {me.data && <Projects me={me.data} />}
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
