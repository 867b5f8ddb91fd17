"""Test steps: what can go wrong with a destination, found out before a run does."""

import asyncio
from collections.abc import Mapping
from typing import Any

from furze.exports.configuration import read_config, redacted, split
from furze.exports.destination import Destination, Outcome, Reject, failed
from furze.exports.destinations import DESTINATIONS
from furze.exports.types import DestinationKind, StepAnswer, StepResult
from furze.jobs import Retry
from furze.platform.errors import InvalidInput, NotFound

_STEP_SECONDS = 60


def listed(kind: str | None) -> dict[str, Any]:
    """The steps of one type in order, or, without a type, those of every type; raises `NotFound`."""
    if kind is None:
        return {name: {"steps": _steps(destination)} for name, destination in DESTINATIONS.items()}
    if kind not in DESTINATIONS:
        raise NotFound(f"No destination of type {kind!r}. Known: {sorted(DESTINATIONS)}")
    return {"steps": _steps(DESTINATIONS[kind])}


def kinds() -> list[DestinationKind]:
    """What each type declares of itself."""
    return [
        DestinationKind(
            type=name,
            description=(type(destination).__doc__ or "").partition("\n")[0],
            models=list(destination.models),
            inputs=destination.config.model_json_schema(),
            steps=[StepAnswer(name=each.name, description=each.description) for each in destination.checks],
        )
        for name, destination in DESTINATIONS.items()
    ]


async def run_step(destination: Destination, config: Mapping[str, Any], number: int) -> StepAnswer:
    """Run one step with a config; raises `InvalidInput` for a number that is none."""
    if not 0 <= number < len(destination.checks):
        last = len(destination.checks) - 1
        raise InvalidInput(f"{destination.name} has no test step {number}: they are 0 to {last}.", attr="step")
    check = destination.checks[number]
    outcome = await _outcome(destination, config, number)
    _, secrets = split(destination.config, config)
    message = redacted(outcome.message, secrets) if outcome.message else None
    return StepAnswer(
        name=check.name,
        description=check.description,
        result=StepResult(status=outcome.status, message=message),
    )


async def _outcome(destination: Destination, config: Mapping[str, Any], number: int) -> Outcome:
    try:
        read = read_config(destination.config, config, known=frozenset(config))
    except InvalidInput as error:
        return failed(f"The test step cannot run as it's not configured. {error.detail}")
    try:
        async with asyncio.timeout(_STEP_SECONDS):
            return await destination.checks[number].run(read)
    except (Reject, Retry) as error:
        return failed(str(error))
    except TimeoutError:
        return failed(f"No answer within {_STEP_SECONDS} seconds. Is the address right, and not behind a firewall?")
    except ModuleNotFoundError as error:
        return failed(f"{error.name} is not installed.")
    except Exception as error:  # noqa: BLE001 - whatever it is, the person who tests sees it
        return failed(f"The test step failed with an unknown error: {error}.")


def _steps(destination: Destination) -> list[dict[str, Any]]:
    return [StepAnswer(name=each.name, description=each.description).model_dump() for each in destination.checks]
