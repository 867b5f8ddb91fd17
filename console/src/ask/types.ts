import type { Query } from "../api/query";

export type ToolCall = { id: string; name: string; args: Record<string, unknown> };
export type Choice = { value: string; variant?: string | null; href?: string | null };

export type Message =
  | { type: "human"; id: string; content: string; trace_id?: string | null }
  | { type: "ai"; id: string; content: string; tool_calls?: ToolCall[] | null; meta?: { form?: { options: Choice[] } | null } | null }
  | { type: "tool"; id: string; content: string; tool_call_id: string }
  | { type: "ai/artifact"; id: string; artifact_id: string; content: Artifact }
  | { type: "ai/failure"; id: string; content?: string | null };

export type Artifact = {
  content_type: string;
  query?: Query;
  name?: string | null;
  description?: string | null;
  title?: string | null;
  blocks?: Block[];
};

/** A part of a document: a text, or a chart by its query. */
export type Block = { type: "markdown"; content?: string } | { type: "visualization"; query?: Query; title?: string };

export type Approval = {
  proposal_id: string;
  decision_status: "pending" | "approved" | "rejected" | "auto_rejected";
  tool_name: string;
  preview: string;
};

/** A message that waits until the running turn ends. */
export type Queued = { id: string; content: string; created_at: string };

/** What a person answers to a pause. */
export type Resume =
  | { action: "approve"; proposal_id: string }
  | { action: "reject"; proposal_id: string; feedback?: string }
  | { action: "form"; form_answers: Record<string, string> }
  | { action: "dismiss_form" };
