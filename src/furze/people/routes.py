"""Every endpoint of the slice."""

from furze.people import definition_routes, event_routes, group_routes, person_routes
from furze.platform.routing import Endpoints

_PARTS = (person_routes, group_routes, event_routes, definition_routes)

endpoints = Endpoints("people", [endpoint for part in _PARTS for endpoint in part.endpoints.declared])
