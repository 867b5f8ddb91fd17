"""Which model answers in a project: its own, or the one of the server's settings."""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from sqlalchemy import Column, Connection, ForeignKey, Integer, String, Table, delete, insert, select

from furze.database import Database, UTCDateTime, metadata
from furze.kit import addresses
from furze.llm.configured import chosen_model
from furze.llm.types import Model, ModelEvent, ModelRequest, ModelUnreachable
from furze.platform.secrets import SecretBox

Provider = Literal["openai", "anthropic", "google"]

project_models = Table(
    "project_model",
    metadata,
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("provider", String, nullable=False),
    Column("model", String, nullable=False),
    Column("base_url", String),
    Column("secrets", String),
    Column("updated_at", UTCDateTime, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A project's own model. `base_url` None is the provider's own address; `secrets` is its key, encrypted."""

    provider: Provider
    model: str
    base_url: str | None
    secrets: str | None


@dataclass(frozen=True, slots=True)
class Models:
    """The models in use. `otherwise` answers where a project has none of its own."""

    database: Database
    secrets: SecretBox
    otherwise: Model
    #: Whether a project's model may be on this server's own network.
    private_addresses: bool = True
    _made: dict[Choice, Model] = field(default_factory=dict)

    def of(self, connection: Connection, project_id: int) -> Model:
        """The model that answers in a project."""
        choice = chosen(connection, project_id)
        return self.otherwise if choice is None else self.made(choice)

    def made(self, choice: Choice) -> Model:
        """The model of a choice: the same one each time, for its connections are worth keeping."""
        if choice not in self._made:
            key = self.secrets.decrypt(choice.secrets) if choice.secrets else None
            model = chosen_model(choice.provider, choice.model, base_url=choice.base_url, api_key=key)
            host = urlsplit(choice.base_url or "").hostname
            self._made[choice] = model if host is None else _Elsewhere(model, host, self.private_addresses)
        return self._made[choice]

    async def close(self) -> None:
        """Let go of every model's connections."""
        for model in (self.otherwise, *self._made.values()):
            await _close(model)


async def _close(model: Model) -> None:
    close = getattr(model, "close", None)
    if close is not None:
        await close()


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """A model at an address that a member of a project has named: looked at before each answer."""

    model: Model
    host: str
    private_addresses: bool
    is_language_model: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return self.model.name

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        try:
            await addresses.check_host(self.host, private_allowed=self.private_addresses)
        except addresses.Refused as error:
            raise ModelUnreachable(str(error)) from error
        async with contextlib.aclosing(self.model.stream(request)) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        await _close(self.model)


def chosen(connection: Connection, project_id: int) -> Choice | None:
    """The project's own model, if it has one."""
    columns = project_models.c
    query = select(columns.provider, columns.model, columns.base_url, columns.secrets)
    row = connection.execute(query.where(columns.project_id == project_id)).first()
    return Choice(*row) if row else None


def choose(connection: Connection, project_id: int, choice: Choice | None, *, now: datetime) -> None:
    """Give a project a model of its own, or with None take it away."""
    connection.execute(delete(project_models).where(project_models.c.project_id == project_id))
    if choice is not None:
        connection.execute(insert(project_models).values(project_id=project_id, updated_at=now, **asdict(choice)))
