"""What a key may do: `object:read`, `object:write`, or `*`."""

OBJECTS = frozenset(
    [
        "action",
        "activity_log",
        "annotation",
        "batch_export",
        "cohort",
        "conversation",
        "customer_journey",
        "customer_profile_config",
        "dashboard",
        "early_access_feature",
        "error_tracking",
        "event_definition",
        "experiment",
        "export",
        "feature_flag",
        "group",
        "hog_function",
        "insight",
        "integration",
        "notebook",
        "organization",
        "organization_member",
        "person",
        "plugin",
        "project",
        "property_definition",
        "query",
        "session_recording",
        "sharing_configuration",
        "subscription",
        "survey",
        "usage_metric",
        "user",
        "warehouse_table",
        "warehouse_view",
        "webhook",
    ]
)


def is_scope(scope: str) -> bool:
    """Whether a text names a scope."""
    subject, _, verb = scope.partition(":")
    return scope == "*" or (subject in OBJECTS and verb in ("read", "write"))


def allows(granted: tuple[str, ...], required: str) -> bool:
    """Whether a key with scopes `granted` may do what `required` names. Write implies read."""
    if "*" in granted or required in granted:
        return True
    subject, _, verb = required.partition(":")
    return verb == "read" and f"{subject}:write" in granted
