"""Which model answers in a project: its own, or the one of the server's settings."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import Column, Connection, ForeignKey, Integer, String, Table, delete, insert, select

from furze.database import Database, UTCDateTime, metadata
from furze.llm.configured import chosen_model
from furze.llm.types import Model
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
    _made: dict[Choice, Model] = field(default_factory=dict)

    def of(self, connection: Connection, project_id: int) -> Model:
        """The model that answers in a project."""
        choice = chosen(connection, project_id)
        return self.otherwise if choice is None else self.made(choice)

    def made(self, choice: Choice) -> Model:
        """The model of a choice: the same one each time, for its connections are worth keeping."""
        if choice not in self._made:
            self._made[choice] = chosen_model(
                choice.provider,
                choice.model,
                base_url=choice.base_url,
                api_key=self.secrets.decrypt(choice.secrets) if choice.secrets else None,
            )
        return self._made[choice]

    async def close(self) -> None:
        """Let go of every model's connections."""
        for model in (self.otherwise, *self._made.values()):
            close = getattr(model, "close", None)
            if close is not None:
                await close()


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
