"""Writes docs/reference/ from the objects themselves: `python -m furze.reference docs/reference`."""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from furze.cli import main as command_line
from furze.exports.destinations import DESTINATIONS
from furze.platform import errors
from furze.server import SLICES
from furze.settings import Settings


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    made: dict[str, Callable[[], Iterator[str]]] = {
        "settings.md": _settings,
        "endpoints.md": _endpoints,
        "destinations.md": _destinations,
        "errors.md": _errors,
        "cli.md": _cli,
    }
    return {name: "\n".join(write()) + "\n" for name, write in made.items()}


def _settings() -> Iterator[str]:
    yield "# Settings\n\nEnvironment variables, read once at the start. `furze serve` needs none.\n"
    rows = [
        (f"`FURZE_{name.upper()}`", "none" if field.default is None else f"`{field.default}`", field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    yield from _table(("variable", "default", "what it does"), rows)


def _endpoints() -> Iterator[str]:
    yield (
        "# Endpoints\n\nEach project endpoint is served under `/api/projects/:project_id` and "
        "`/api/environments/:project_id`, with or without a trailing slash; `@current` is the key's current project. "
        "The OpenAPI document is at `/api/schema`, a page to try it at `/api/docs`.\n"
    )
    for each in SLICES:
        yield f"\n## {each.tag}\n"
        rows = [
            (
                f"`{endpoint.method}`",
                f"`{'' if endpoint.in_project else '/api'}{endpoint.path or '/'}`",
                f"`{endpoint.scope}`" if endpoint.scope else "any key",
                _first_line(endpoint.handler),
            )
            for endpoint in each.declared
        ]
        yield from _table(("method", "path", "scope", "answer"), rows)


def _destinations() -> Iterator[str]:
    yield "# Destinations\n\nEvery input of a batch export's `destination.config`, and the steps that test it.\n"
    for name, destination in DESTINATIONS.items():
        yield f"\n## {name}\n\n{_first_line(type(destination))}\n"
        rows = [
            (f"`{field.alias or key}`", _default_input(field), field.description or "")
            for key, field in destination.config.model_fields.items()
        ]
        yield from _table(("input", "default", "what it is"), rows)
        yield ""
        for number, check in enumerate(destination.checks):
            yield f"{number + 1}. **{check.name}.** {check.description}"


def _default_input(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "secret" if isinstance(field.default, SecretStr) else f"`{field.default!r}`"


def _errors() -> Iterator[str]:
    yield '# Errors\n\nEvery error is `{"type", "code", "detail", "attr"}`; `attr` joins nested fields with `__`.\n'
    kinds = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, errors.FurzeError)]
    rows = [
        (str(each.status), f"`{each.type}`", f"`{each.code}`", _first_line(each))
        for each in sorted(kinds, key=lambda each: (each.status, each.code))
    ]
    yield from _table(("status", "type", "code", "meaning"), rows)


def _cli() -> Iterator[str]:
    yield "# Command line\n"
    for path, command in _commands(command_line, "furze"):
        context = click.Context(command, info_name=path, max_content_width=100)
        yield f"\n## {path}\n\n```\n{command.get_help(context)}\n```"


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, each in sorted(command.commands.items()):
            yield from _commands(each, f"{path} {name}")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for file_name, text in pages().items():
        (folder / file_name).write_text(text)
