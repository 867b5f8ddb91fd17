import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useLocation } from "wouter";
import { call } from "../api/http";
import type { UserAnswer } from "../api/schema";
import { Card, Confirm, Dialog, Failure, Field } from "../parts/parts";

const ADMIN = 8;

/** The projects of who is signed in: go to one, make one, delete the current one. */
export function Projects({ me }: { me: UserAnswer }) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [asked, setAsked] = useState<"new" | "delete" | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const mayChange = (me.organization?.membership_level ?? 0) >= ADMIN;
  const go = async (work: Promise<unknown>) => {
    try {
      await work;
      navigate("/");
      // Everything on every page is of the project.
      await client.resetQueries();
    } catch (error) {
      setFault(error);
    }
  };
  const make = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = new FormData(event.currentTarget).get("name");
    void go(call("POST", "/api/projects/", { name }));
  };
  return (
    <Card
      title="Projects"
      actions={
        mayChange && (
          <button type="button" onClick={() => setAsked("new")}>
            New project
          </button>
        )
      }
    >
      {fault !== null && asked === null && <Failure error={fault} />}
      <ul className="lines">
        {me.organizations.flatMap((organization) =>
          organization.projects.map((project) => (
            <li key={project.id}>
              <div style={{ flex: 1, minWidth: 0, overflowWrap: "anywhere" }}>
                <strong>{project.name}</strong>
                <div className="muted">{organization.name}</div>
              </div>
              {project.id === me.team?.id ? (
                <>
                  <span className="muted">current</span>
                  {mayChange && (
                    <button type="button" className="icon" aria-label={`Delete ${project.name}`} onClick={() => setAsked("delete")}>
                      ✕
                    </button>
                  )}
                </>
              ) : (
                <button type="button" className="quiet" aria-label={`Go to ${project.name}`} onClick={() => go(call("PATCH", "/api/users/@me/", { set_current_team: project.id }))}>
                  Go to
                </button>
              )}
            </li>
          )),
        )}
      </ul>
      {asked === "new" && (
        <Dialog title="New project" onClose={() => setAsked(null)}>
          <form onSubmit={make} className="new-key">
            <Field label="Name" required help={`In ${me.organization?.name}. It has events, people and exports of its own.`}>
              {(id) => <input id={id} name="name" maxLength={200} required />}
            </Field>
            {fault !== null && <Failure error={fault} />}
            <div className="row end">
              <button type="button" onClick={() => setAsked(null)}>
                Cancel
              </button>
              <button type="submit" className="primary">
                Create project
              </button>
            </div>
          </form>
        </Dialog>
      )}
      {asked === "delete" && (
        <Confirm title="Delete this project?" act="Delete" fault={fault} onClose={() => setAsked(null)} onConfirm={() => go(call("DELETE", `/api/projects/${me.team?.id}/`))}>
          “{me.team?.name}” goes for good, with its events, people, exports, conversations and settings. What exports have delivered stays where it is.
        </Confirm>
      )}
    </Card>
  );
}
