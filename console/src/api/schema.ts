// Written by `make console-types` from the server's own OpenAPI document. Not edited by hand.

/** An entry of the activity log. */
export type ActivityAnswer = {
  "id": string;
  "user": Record<string, unknown> | null;
  "is_system": boolean;
  "scope": string;
  "item_id": string;
  "activity": string;
  "detail": Record<string, unknown>;
  "created_at": string;
};

/** The assistant message that was added. */
export type AppendAnswer = {
  "id": string;
  "content": string;
};

/** A backfill on the wire. */
export type BackfillAnswer = {
  "id": string;
  "team": number;
  "batch_export": string;
  "start_at": string | null;
  "end_at": string | null;
  "status": "Starting" | "Running" | "Completed" | "Failed" | "FailedRetryable" | "FailedBilling" | "Cancelled" | "TimedOut" | "Terminated" | "ContinuedAsNew";
  "created_at": string;
  "finished_at": string | null;
  "last_updated_at": string;
  "total_records_count": number | null;
  "adjusted_start_at": string | null;
  "progress": ProgressAnswer | null;
};

/** The id of a new backfill. */
export type BackfillCreated = {
  "backfill_id": string;
};

/** What a bulk deletion came to. */
export type BulkDeleted = {
  "persons_found": number;
  "persons_deleted": number;
  "events_queued_for_deletion": boolean;
  "recordings_queued_for_deletion": boolean;
  "deletion_errors": (string)[];
};

/** Whether it was cancelled. */
export type CancelledAnswer = {
  "cancelled": boolean;
};

/** A config on the wire. */
export type ConfigAnswer = {
  "id": string;
  "scope": "person" | "group_0" | "group_1" | "group_2" | "group_3" | "group_4";
  "content": Record<string, unknown> | (unknown)[];
  "sidebar": Record<string, unknown> | (unknown)[];
  "pinned_properties"?: (string)[];
  "created_at": string;
  "updated_at": string;
};

/** A conversation. */
export type ConversationAnswer = {
  "id": string;
  "status": "idle" | "in_progress" | "canceling";
  "title": string | null;
  "topic": string | null;
  "user": UserBasic;
  "created_at": string;
  "updated_at": string;
  "type": string;
  "is_internal": boolean | null;
  "slack_thread_key": string | null;
  "slack_workspace_domain": string | null;
  "task"?: Record<string, unknown> | null;
  "messages": (Record<string, unknown>)[];
  "has_unsupported_content"?: boolean;
  "agent_mode": string | null;
  "agent_runtime"?: string;
  "is_sandbox"?: boolean;
  "pending_approvals": (Record<string, unknown>)[];
};

/** How many rows there are. */
export type CountAnswer = {
  "count": number;
};

export type CursorPage_BackfillAnswer = {
  "next": string | null;
  "previous": string | null;
  "results": (BackfillAnswer)[];
};

export type CursorPage_GroupAnswer = {
  "next": string | null;
  "previous": string | null;
  "results": (GroupAnswer)[];
};

export type CursorPage_RunAnswer = {
  "next": string | null;
  "previous": string | null;
  "results": (RunAnswer)[];
};

/** Where an export goes, without secrets. */
export type DestinationAnswer = {
  "type": string;
  "config": Record<string, unknown>;
  "integration"?: number | null;
};

/** Where an export goes: a type, its inputs, and optionally the id of an integration. */
export type DestinationBody = {
  "type": string;
  "config"?: Record<string, unknown>;
  "integration"?: number | null;
  "integration_id"?: number | null;
};

/** A type of destination: its inputs as a JSON schema, its test steps; no `models` means every one. */
export type DestinationKind = {
  "type": string;
  "description": string;
  "models": (string)[];
  "inputs": Record<string, unknown>;
  "steps": (StepAnswer)[];
};

/** The body of `NoQueuedMessage`. */
export type DetailOnlyAnswer = {
  "detail": string;
};

/** What was asked for is done. */
export type Done = {
  "success"?: boolean;
};

/** A download with its files, or the reason it has none. */
export type DownloadAnswer = {
  "id": string;
  "status": "Starting" | "Running" | "Completed" | "Failed" | "FailedRetryable" | "FailedBilling" | "Cancelled" | "TimedOut" | "Terminated" | "ContinuedAsNew";
  "files": (string)[];
  "records_completed": number | null;
  "error": string | null;
};

/** The id of a new download. */
export type DownloadCreated = {
  "id": string;
};

/** A download in a list, or after a cancel. */
export type DownloadStatus = {
  "id": string;
  "status": "Starting" | "Running" | "Completed" | "Failed" | "FailedRetryable" | "FailedBilling" | "Cancelled" | "TimedOut" | "Terminated" | "ContinuedAsNew";
};

/** What POST conversations/ answers to a caller who asks for JSON: the request, as understood. */
export type EchoAnswer = {
  "content": string | null;
  "conversation": string;
  "contextual_tools": Record<string, unknown> | null;
  "ui_context": Record<string, unknown> | null;
  "billing_context": Record<string, unknown> | null;
  "trace_id": string;
  "session_id": string | null;
  "agent_mode": string | null;
  "resume_payload": unknown;
};

/** The body of every answer that reports an error. */
export type ErrorAnswer = {
  "type": string;
  "code": string;
  "detail": string;
  "attr": string | null;
};

/** The body of a `PlainError`. */
export type ErrorOnlyAnswer = {
  "error": string;
  "detail"?: string | null;
};

/** An event. */
export type EventAnswer = {
  "id": string;
  "distinct_id": string;
  "properties": Record<string, unknown>;
  "event": string;
  "timestamp": string;
  "person": Record<string, unknown> | null;
  "elements": (unknown)[];
  "elements_chain": string;
};

/** An event that arrived. */
export type EventDefinitionAnswer = {
  "id": string;
  "name": string;
  "description": string;
  "tags": (string)[];
  "verified": boolean;
  "hidden": boolean;
  "created_at": string;
  "last_seen_at": string;
  "owner"?: null;
  "is_action"?: boolean;
  "action_id"?: null;
  "created_by"?: null;
  "verified_at"?: null;
  "verified_by"?: null;
  "is_calculating"?: boolean;
  "last_calculated_at"?: null;
  "post_to_slack"?: boolean;
  "default_columns"?: (string)[];
};

/** A page of events; `next` goes on with older ones. */
export type EventPage = {
  "next": string | null;
  "results": (EventAnswer)[];
};

/** An export on the wire. */
export type ExportAnswer = {
  "id": string;
  "team_id": number;
  "name": string;
  "model": "events" | "persons" | "sessions" | "hogql";
  "destination": DestinationAnswer;
  "interval": "hour" | "day" | "week" | "every 5 minutes" | "every 15 minutes";
  "paused": boolean;
  "created_at": string;
  "last_updated_at": string;
  "last_paused_at": string | null;
  "start_at": string | null;
  "end_at": string | null;
  "latest_runs": (RunAnswer)[];
  "hogql_query": string | null;
  "schema": Record<string, unknown> | null;
  "filters": (unknown)[] | null;
  "timezone": string;
  "offset_day": number | null;
  "offset_hour": number | null;
  "hogql_modifiers": Record<string, unknown> | null;
  "primary_key": (string)[] | null;
  "version_key": string | null;
  "incremental_mode": string | null;
};

/** How the files are written. A size of 0 or null means one file. */
export type FileBody = {
  "format"?: "Parquet" | "JSONLines" | "CSV" | "Arrow";
  "compression"?: "zstd" | "gzip" | "brotli" | "lz4" | "snappy" | null;
  "max_size_mb"?: number | null;
};

/** A group. */
export type GroupAnswer = {
  "group_type_index": number;
  "group_key": string;
  "group_properties": Record<string, unknown>;
  "created_at": string;
};

/** A kind of group. */
export type GroupTypeAnswer = {
  "group_type": string;
  "group_type_index": number;
  "name_singular": string | null;
  "name_plural": string | null;
  "detail_dashboard"?: number | null;
  "default_columns"?: (string)[] | null;
  "created_at": string;
};

/** The server now. Sizes are in bytes; queued is what was accepted and is not yet in the event store. */
export type InstanceAnswer = {
  "version": string;
  "model": string | null;
  "database": string;
  "event_store": string;
  "event_store_health": string;
  "queued_events": number;
  "queued_bytes": number;
  "memory_bytes": number | null;
  "disk_free": number;
  "disk_total": number;
};

/** An integration, without its secrets. */
export type IntegrationAnswer = {
  "id": number;
  "kind": string;
  "display_name": string;
  "config": Record<string, unknown>;
  "created_at": string;
  "created_by": UserBasic | null;
  "errors"?: string;
};

/** A kind: which destinations it serves, and its inputs as a JSON schema. */
export type IntegrationKind = {
  "kind": string;
  "title": string;
  "destinations": (string)[];
  "inputs": Record<string, unknown>;
};

/** An invite that nobody has used yet. */
export type InviteAnswer = {
  "id": string;
  "target_email": string | null;
  "first_name": string;
  "level": number;
  "emailing_attempt_made": boolean;
  "is_expired": boolean;
  "created_by": UserBasic;
  "created_at": string;
  "updated_at": string;
  "expires_at": string;
};

/** A personal API key, without its value. */
export type KeyAnswer = {
  "id": string;
  "label": string;
  "mask_value": string;
  "created_at": string;
  "last_used_at": string | null;
  "last_rolled_at": string | null;
  "user_id": number;
  "scopes": (string)[];
  "scoped_teams": (number)[];
  "scoped_organizations": (string)[];
};

/** Where a browser goes to be signed in, once, within a day. */
export type LinkAnswer = {
  "path": string;
};

/** A log line on the wire. */
export type LogAnswer = {
  "log_source_id": string;
  "instance_id": string;
  "timestamp": string;
  "level": string;
  "message": string;
};

/** A member of an organisation. */
export type MemberAnswer = {
  "id": string;
  "user": UserBasic;
  "level": number;
  "joined_at": string;
};

/** A metric on the wire. */
export type MetricAnswer = {
  "id": string;
  "name": string;
  "format": string;
  "interval": number;
  "display": string;
  "filters": Record<string, unknown>;
  "math": string;
  "math_property": string | null;
};

/** The model that answers. `is_own` tells whether this project chose it; no model is the built-in assistant. */
export type ModelAnswer = {
  "is_own": boolean;
  "model": string | null;
  "provider"?: string | null;
  "base_url"?: string | null;
  "has_api_key"?: boolean;
};

/** Whether the model answered, with its words or the reason. */
export type ModelTested = {
  "works": boolean;
  "detail": string;
};

/** An invite with its link, which can't be shown again. */
export type NewInviteAnswer = {
  "id": string;
  "target_email": string | null;
  "first_name": string;
  "level": number;
  "emailing_attempt_made": boolean;
  "is_expired": boolean;
  "created_by": UserBasic;
  "created_at": string;
  "updated_at": string;
  "expires_at": string;
  "link": string;
};

/** A key with its value, which can't be shown again. */
export type NewKeyAnswer = {
  "id": string;
  "label": string;
  "mask_value": string;
  "created_at": string;
  "last_used_at": string | null;
  "last_rolled_at": string | null;
  "user_id": number;
  "scopes": (string)[];
  "scoped_teams": (number)[];
  "scoped_organizations": (string)[];
  "value": string;
};

/** What a link's bearer is told before coming in. */
export type OpenInviteAnswer = {
  "id": string;
  "target_email": string | null;
  "first_name": string;
  "organization_name": string;
  "expires_at": string;
};

/** An organisation as its member sees it. */
export type OrganizationAnswer = {
  "id": string;
  "name": string;
  "slug": string;
  "created_at": string;
  "updated_at": string;
  "membership_level": number;
  "projects": (ProjectAnswer)[];
  "teams": (ProjectAnswer)[];
};

/** Where the console sends what is done with it; no token, nowhere. */
export type OwnUseAnswer = {
  "token": string | null;
};

export type Page_ActivityAnswer = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (ActivityAnswer)[];
};

export type Page_ConfigAnswer = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (ConfigAnswer)[];
};

export type Page_ConversationAnswer = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (ConversationAnswer)[];
};

export type Page_DownloadStatus = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (DownloadStatus)[];
};

export type Page_EventDefinitionAnswer = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (EventDefinitionAnswer)[];
};

export type Page_ExportAnswer = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (ExportAnswer)[];
};

export type Page_IntegrationAnswer = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (IntegrationAnswer)[];
};

export type Page_InviteAnswer = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (InviteAnswer)[];
};

export type Page_MemberAnswer = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (MemberAnswer)[];
};

export type Page_MetricAnswer = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (MetricAnswer)[];
};

export type Page_OrganizationAnswer = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (OrganizationAnswer)[];
};

export type Page_PersonAnswer = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (PersonAnswer)[];
};

export type Page_ProjectAnswer = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (ProjectAnswer)[];
};

export type Page_PropertyDefinitionAnswer = {
  "count": number;
  "next": string | null;
  "previous": string | null;
  "results": (PropertyDefinitionAnswer)[];
};

/** Whether the export is paused now. */
export type PausedAnswer = {
  "paused": boolean;
};

/** A person. */
export type PersonAnswer = {
  "id": number;
  "uuid": string;
  "name": string;
  "distinct_ids": (string)[];
  "properties": Record<string, unknown>;
  "created_at": string;
  "last_seen_at": string | null;
};

/** Persons by what they were asked for. */
export type PersonsByKey = {
  "results": Record<string, PersonAnswer>;
};

/** How many rows there are, and the first of them. */
export type PreviewAnswer = {
  "count": number;
  "columns": (string)[];
  "rows": (Record<string, unknown>)[];
};

/** A page. `config` is the saved layout in use, null for the default one. */
export type ProfileAnswer = {
  "scope": string;
  "id": string;
  "config": string | null;
  "content": (TileAnswer)[];
  "sidebar": (TileAnswer)[];
};

/** How far a backfill is. */
export type ProgressAnswer = {
  "total_runs": number | null;
  "finished_runs": number | null;
  "progress": number | null;
};

/** A project, which is also its environment. */
export type ProjectAnswer = {
  "id": number;
  "uuid": string;
  "project_id": number;
  "organization": string;
  "name": string;
  "api_token": string;
  "timezone": string;
  "created_at": string;
  "updated_at": string;
};

/** A property that arrived. */
export type PropertyDefinitionAnswer = {
  "id": string;
  "name": string;
  "description": string;
  "tags": (string)[];
  "verified": boolean;
  "hidden": boolean;
  "is_numerical": boolean;
  "property_type": string | null;
  "is_seen_on_filtered_events": boolean | null;
  "updated_at"?: null;
  "updated_by"?: null;
  "verified_at"?: null;
  "verified_by"?: null;
};

/** A conversation with its queued messages as `messages`. */
export type QueueAnswer = {
  "id": string;
  "status": "idle" | "in_progress" | "canceling";
  "title": string | null;
  "topic": string | null;
  "user": UserBasic;
  "created_at": string;
  "updated_at": string;
  "type": string;
  "is_internal": boolean | null;
  "slack_thread_key": string | null;
  "slack_workspace_domain": string | null;
  "task"?: Record<string, unknown> | null;
  "messages": (Record<string, unknown>)[];
  "has_unsupported_content"?: boolean;
  "agent_mode": string | null;
  "agent_runtime"?: string;
  "is_sandbox"?: boolean;
  "pending_approvals": (Record<string, unknown>)[];
  "max_queue_messages": number;
};

/** A run on the wire. */
export type RunAnswer = {
  "id": string;
  "status": "Starting" | "Running" | "Completed" | "Failed" | "FailedRetryable" | "FailedBilling" | "Cancelled" | "TimedOut" | "Terminated" | "ContinuedAsNew";
  "records_completed": number | null;
  "records_failed": number | null;
  "latest_error": string | null;
  "data_interval_start": string | null;
  "data_interval_end": string;
  "cursor"?: string | null;
  "created_at": string;
  "finished_at": string | null;
  "last_updated_at": string;
  "records_total_count": number | null;
  "bytes_exported": number | null;
  "batch_export": string;
  "batch_export_on_demand"?: string | null;
  "backfill": string | null;
  "attempt": number;
  "files": (string)[] | null;
  "reconciliation": Record<string, unknown> | null;
};

/** What the destination holds of one interval; `problem` says why it could not be read. */
export type RunVerification = {
  "run": string;
  "data_interval_start": string | null;
  "data_interval_end": string;
  "rows_expected": number;
  "rows_found": number;
  "missing": number;
  "extra": number;
  "doubled": number;
  "problem"?: string | null;
};

/** Whether somebody is signed in, and who. */
export type SessionAnswer = {
  "is_signed_in": boolean;
  "user": UserBasic | null;
};

/** A test step, with its result once it has run. */
export type StepAnswer = {
  "name": string;
  "description": string;
  "result"?: StepResult | null;
};

/** How a test step went. */
export type StepResult = {
  "status": "Passed" | "Failed" | "Skipped";
  "message"?: string | null;
};

/** A tile: either `data`, or the `reason` why there is none. */
export type TileAnswer = {
  "type": string;
  "title": string;
  "index": number;
  "attrs": Record<string, unknown>;
  "data": unknown;
  "reason": string | null;
};

/** A tile: an insight or a text. With an `id` it is one that is there already; `deleted` takes it off. */
export type TileBody = {
  "id"?: number | null;
  "insight"?: number | Record<string, unknown> | null;
  "text"?: TileText | null;
  "layouts"?: Record<string, unknown>;
  "color"?: string | null;
  "deleted"?: boolean;
};

/** The text of a tile, in Markdown. */
export type TileText = {
  "body": string;
};

/** The caller. */
export type UserAnswer = {
  "id": number;
  "uuid": string;
  "distinct_id": string;
  "first_name": string;
  "last_name": string;
  "email": string;
  "is_email_verified": boolean;
  "hedgehog_config": Record<string, unknown> | null;
  "role_at_organization": string | null;
  "has_password": boolean;
  "team": ProjectAnswer | null;
  "organization": OrganizationAnswer | null;
  "organizations": (OrganizationAnswer)[];
  "date_joined": string;
};

/** The short form of a user that other objects carry. */
export type UserBasic = {
  "id": number;
  "uuid": string;
  "distinct_id": string;
  "first_name": string;
  "last_name": string;
  "email": string;
  "is_email_verified": boolean;
  "hedgehog_config": Record<string, unknown> | null;
  "role_at_organization": string | null;
};

/** A value of a property and how often it came. */
export type ValueCount = {
  "name": string;
  "count": number;
};

/** What the destination holds, read again, against what the completed runs promised; examples are uuids. */
export type Verification = {
  "matches": boolean;
  "rows_expected": number;
  "rows_found": number;
  "missing": number;
  "extra": number;
  "doubled": number;
  "examples": Record<string, (string)[]>;
  "runs": (RunVerification)[];
};

/** One warning. */
export type WarningAnswer = {
  "type": string;
  "timestamp": string;
  "details": Record<string, unknown>;
};

/** The warnings of one type: how many are kept, when the last one came, and the newest of them. */
export type WarningsOfTypeAnswer = {
  "type": string;
  "lastSeen": string;
  "count": number;
  "warnings": (WarningAnswer)[];
};
