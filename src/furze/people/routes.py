"""Every endpoint of the slice."""

from furze.people import person_routes
from furze.platform.routing import Endpoints

endpoints = Endpoints("people", [*person_routes.endpoints.declared])
