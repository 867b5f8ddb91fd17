"""Ingestion warnings: what was sent and could not be done, such as a merge that would have joined strangers."""

from collections import defaultdict
from typing import Annotated, Any

from furze.database import Database
from furze.identity import store as identities
from furze.identity.types import IngestionWarning
from furze.platform.auth import ProjectAccess
from furze.platform.fields import Answer, WireTime
from furze.platform.routing import Endpoints, provided

endpoints = Endpoints("ingestion_warnings")

Warnings = Annotated[Database, provided(Database)]

_SHOWN_PER_TYPE = 50


class WarningAnswer(Answer):
    """One warning."""

    type: str
    timestamp: WireTime
    details: dict[str, Any]


class WarningsOfTypeAnswer(Answer):
    """The warnings of one type: how many are kept, when the last one came, and the newest of them."""

    type: str
    lastSeen: WireTime  # noqa: N815 - PostHog's name on the wire
    count: int
    warnings: list[WarningAnswer]


@endpoints.get("/ingestion_warnings", scope="project:read", response=list[WarningsOfTypeAnswer])
async def list_warnings(access: ProjectAccess, database: Warnings) -> list[dict[str, Any]]:
    """The project's ingestion warnings by type, the type with the newest one first."""
    newest_first = await database.read(identities.list_warnings, access.project.id, limit=identities.KEPT_WARNINGS)
    by_type: dict[str, list[IngestionWarning]] = defaultdict(list)
    for warning in newest_first:
        by_type[warning.type].append(warning)
    return [
        {
            "type": kind,
            "lastSeen": max(warning.timestamp for warning in found),
            "count": len(found),
            "warnings": found[:_SHOWN_PER_TYPE],
        }
        for kind, found in by_type.items()
    ]
