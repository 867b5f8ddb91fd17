"""Integrations: a connection's address and credentials, kept once for every export that goes there.

A kind holds some inputs of the destinations it serves; an export with an integration stores the others. What the
integration holds is never taken from the export: its secrets would go wherever the export says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, create_model
from sqlalchemy import Connection

from furze.exports import integration_store
from furze.exports.configuration import merge
from furze.exports.destinations import DESTINATIONS
from furze.exports.types import DestinationBody, Export, Integration
from furze.platform.errors import InvalidInput
from furze.platform.secrets import SecretBox

ATTRIBUTE: Final = "destination__integration"
_ACCESS_KEY = ("aws_access_key_id", "aws_secret_access_key")
_SERVER = ("host", "port", "ssl_mode")


@dataclass(frozen=True, slots=True)
class Kind:
    """What an integration may be: its title, the destinations it serves, and which of their inputs it holds.

    `address` are the inputs that say whither the secrets go.
    """

    title: str
    destinations: tuple[str, ...]
    inputs: tuple[str, ...]
    address: tuple[str, ...] = ()


#: Every kind by the name it has on the wire.
KINDS: Final[Mapping[str, Kind]] = {
    "aws-s3": Kind("AWS S3", ("S3", "AwsS3"), _ACCESS_KEY),
    "s3-compatible": Kind("S3-compatible", ("S3", "S3Compatible"), ("endpoint_url", *_ACCESS_KEY), ("endpoint_url",)),
    "azure-blob": Kind("Azure Blob", ("AzureBlob",), ("connection_string",)),
    "postgresql": Kind(
        *("PostgreSQL", ("Postgres",), ("host", "port", "user", "password", "has_self_signed_cert", "ssl_mode")),
        address=_SERVER,
    ),
    "aws-redshift": Kind("Redshift", ("Redshift",), ("host", "port", "user", "password", "ssl_mode"), _SERVER),
    "google-cloud-service-account": Kind(
        "Google Cloud service account",
        ("BigQuery",),
        ("project_id", "private_key", "private_key_id", "client_email", "token_uri", "endpoint_url"),
        ("token_uri", "endpoint_url"),
    ),
    "snowflake": Kind(
        "Snowflake",
        ("Snowflake",),
        ("account", "user", "authentication_type", "password", "private_key", "private_key_passphrase", "endpoint_url"),
        ("account", "endpoint_url"),
    ),
    "databricks": Kind(
        "Databricks",
        ("Databricks",),
        ("server_hostname", "client_id", "client_secret", "endpoint_url"),
        ("server_hostname", "endpoint_url"),
    ),
}


class Inputs(BaseModel):
    """The inputs that an integration holds."""

    model_config = ConfigDict(extra="ignore", frozen=True)


@cache
def inputs_model(kind: str) -> type[Inputs]:
    """The inputs of a kind, as the destination that it serves declares them."""
    declared = DESTINATIONS[KINDS[kind].destinations[-1]].config.model_fields
    fields: dict[str, Any] = {name: (declared[name].annotation, declared[name]) for name in KINDS[kind].inputs}
    return create_model("Integration" + kind.title().replace("-", ""), __base__=Inputs, **fields)


def asked_for(connection: Connection, project_id: int, body: DestinationBody, stored: int | None) -> Integration | None:
    """The integration that a body names, the one that is `stored` when it names none; raises `InvalidInput`."""
    sent = [getattr(body, name) for name in ("integration", "integration_id") if name in body.model_fields_set]
    wanted = next((each for each in sent if each is not None), None) if sent else stored
    if wanted is None:
        return None
    found = integration_store.get(connection, project_id, wanted)
    if found is None:
        raise InvalidInput(f'Invalid pk "{wanted}" - object does not exist.', code="does_not_exist", attr=ATTRIBUTE)
    return found


def check_serves(integration: Integration | None, destination: str) -> None:
    """Raise `InvalidInput` for an integration that is not for this type of destination."""
    if integration is None or destination in KINDS[integration.kind].destinations:
        return
    wanted = [kind.title for kind in KINDS.values() if destination in kind.destinations]
    if not wanted:
        raise InvalidInput(f"{destination} batch exports take no integration.", attr=ATTRIBUTE)
    article = "an" if wanted[0][0] in "AEIO" else "a"
    raise InvalidInput(
        f"Integration provided is not {article} {wanted[0]} integration (got kind='{integration.kind}').",
        attr=ATTRIBUTE,
    )


def check_stays(integration: Integration, secrets: SecretBox, sent: Mapping[str, Any]) -> None:
    """Raise `InvalidInput` when secrets that were not `sent` again would go to another address."""
    moved = [
        name for name in KINDS[integration.kind].address if name in sent and sent[name] != _stored(integration, name)
    ]
    kept = sorted(set(secrets.decrypt(integration.secrets) if integration.secrets else {}) - set(sent))
    if moved and kept:
        listed = ", ".join(repr(name) for name in kept)
        raise InvalidInput(f"Send {listed} again: with another {moved[0]!r} they would go elsewhere.", attr="config")


def _stored(integration: Integration, name: str) -> Any:
    return integration.config.get(name, inputs_model(integration.kind).model_fields[name].default)


def held(integration: Integration | None, secrets: SecretBox) -> dict[str, Any]:
    """The inputs of an integration, secrets among them; none without one."""
    if integration is None:
        return {}
    return merge(integration.config, secrets.decrypt(integration.secrets) if integration.secrets else {})


def joined(integration: Integration | None, own: Mapping[str, Any], secrets: SecretBox) -> dict[str, Any]:
    """An export's own inputs, and its integration's in place of any that are the integration's to hold."""
    taken = KINDS[integration.kind].inputs if integration else ()
    return {name: value for name, value in own.items() if name not in taken} | held(integration, secrets)


def all_inputs(
    connection: Connection, export: Export, secrets: SecretBox, sent: DestinationBody | None = None
) -> dict[str, Any]:
    """All inputs of an export's destination, with their secrets: its integration's, its own over them, then `sent`."""
    sent = sent or DestinationBody(type=export.destination_type)
    integration = asked_for(connection, export.project_id, sent, export.integration_id)
    own = merge(export.config, secrets.decrypt(export.secrets) if export.secrets else {})
    return joined(integration, merge(own, sent.config), secrets)
