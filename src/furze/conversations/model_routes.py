"""A project's own model over HTTP: which one answers, with a key that is never shown, and whether it does."""

import asyncio
from typing import Annotated, Final

from fastapi import Depends
from pydantic import Field
from sqlalchemy import Connection

from furze.conversations import models
from furze.conversations.models import Models, Provider
from furze.kit.clock import Clock
from furze.llm.types import Message, Model, ModelError, ModelRequest, TextDelta
from furze.platform.auth import Access, ProjectAccess
from furze.platform.errors import InvalidInput
from furze.platform.fields import Answer, Body, RequiredText, Text
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.platform.store import record_activity
from furze.platform.types import Actor, Item

endpoints = Endpoints("conversations")

Chosen = Annotated[Models, provided(Models)]
Now = Annotated[Clock, provided(Clock)]

_TEST: Final = ModelRequest("You test a connection.", (Message("user", "Reply with the word ok."),))
_TEST_SECONDS: Final = 60


class ModelBody(Body):
    """A model to answer in this project. A key that is not sent stays, unless provider or address change."""

    provider: Provider
    model: RequiredText = Field(max_length=200)
    base_url: Text | None = Field(default=None, max_length=400)
    api_key: Text | None = Field(default=None, max_length=400)


class ModelAnswer(Answer):
    """The model that answers. `is_own` tells whether this project chose it; no model is the built-in assistant."""

    is_own: bool
    model: str | None
    provider: str | None = None
    base_url: str | None = None
    has_api_key: bool = False


class ModelTested(Answer):
    """Whether the model answered, with its words or the reason."""

    works: bool
    detail: str


@endpoints.get("/assistant_model", scope="project:read", response=ModelAnswer)
async def get_model(access: ProjectAccess, chosen: Chosen) -> ModelAnswer:
    """The model that answers in this project."""
    return _answer(await chosen.database.read(models.chosen, access.project.id), chosen.otherwise)


@endpoints.put("/assistant_model", scope="project:write", response=ModelAnswer)
async def choose_model(
    access: ProjectAccess, chosen: Chosen, clock: Now, body: Annotated[ModelBody, Depends(BodyOf(ModelBody))]
) -> ModelAnswer:
    """Let a model answer in this project; turns that run already go on with theirs."""
    if body.base_url and not body.base_url.startswith(("http://", "https://")):
        raise InvalidInput("The address must begin with http:// or https://", attr="base_url")
    return _answer(await chosen.database.write(_choose, chosen, access, body, clock), chosen.otherwise)


@endpoints.delete("/assistant_model", scope="project:write")
async def reset_model(access: ProjectAccess, chosen: Chosen, clock: Now) -> None:
    """Let the server's model answer again."""
    await chosen.database.write(_reset, access, clock)


@endpoints.post("/assistant_model/test", scope="project:write", response=ModelTested, status=200)
async def test_model(access: ProjectAccess, chosen: Chosen) -> ModelTested:
    """Ask the model for one word."""
    model = await chosen.database.read(chosen.of, access.project.id)
    if not model.is_language_model:
        return ModelTested(works=True, detail="The built-in assistant answers: it needs no connection.")
    try:
        async with asyncio.timeout(_TEST_SECONDS):
            said = [event.text async for event in model.stream(_TEST) if isinstance(event, TextDelta)]
    except ModelError as error:
        return ModelTested(works=False, detail=f"{error.text} ({error})")
    except TimeoutError:
        return ModelTested(works=False, detail=f"No answer within {_TEST_SECONDS} seconds.")
    return ModelTested(works=True, detail=f"It said: {''.join(said)[:200]}")


def _choose(connection: Connection, chosen: Models, access: Access, body: ModelBody, clock: Clock) -> models.Choice:
    project_id = access.project.id
    before = models.chosen(connection, project_id)
    # Who may choose a model may not read its key: at an address of their own they would.
    is_same_place = before and (before.provider, before.base_url) == (body.provider, body.base_url or None)
    kept = before.secrets if before and is_same_place else None
    secrets = chosen.secrets.encrypt(body.api_key) if body.api_key else kept
    choice = models.Choice(body.provider, body.model, body.base_url or None, secrets)
    models.choose(connection, project_id, choice, now=clock.now())
    _record(connection, access, f"{body.provider}: {body.model}", "updated", clock)
    return choice


def _reset(connection: Connection, access: Access, clock: Clock) -> None:
    models.choose(connection, access.project.id, None, now=clock.now())
    _record(connection, access, "the server's", "deleted", clock)


def _record(connection: Connection, access: Access, name: str, activity: str, clock: Clock) -> None:
    item = Item("AssistantModel", str(access.project.id), name)
    by = Actor(access.project.id, access.user.id)
    record_activity(connection, by=by, item=item, activity=activity, now=clock.now())


def _answer(choice: models.Choice | None, otherwise: Model) -> ModelAnswer:
    if choice is None:
        return ModelAnswer(is_own=False, model=otherwise.name if otherwise.is_language_model else None)
    return ModelAnswer(
        is_own=True,
        model=choice.model,
        provider=choice.provider,
        base_url=choice.base_url,
        has_api_key=choice.secrets is not None,
    )
