"""The options of every command that talks to a running server."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from furze.client import Client


def connects(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--url`, `--key` and `--project`."""
    for option in (
        click.option(
            "--project",
            default="@current",
            envvar="FURZE_PROJECT",
            show_envvar=True,
            show_default=True,
            help="The project's id.",
        ),
        click.option(
            "--key", required=True, envvar="FURZE_PERSONAL_API_KEY", show_envvar=True, help="A personal API key."
        ),
        click.option(
            "--url",
            default="http://127.0.0.1:8000",
            envvar="FURZE_URL",
            show_envvar=True,
            show_default=True,
            help="The server.",
        ),
    ):
        command = option(command)
    return command


def client(url: str, key: str, project: str) -> "Client":
    """The client those options describe."""
    from furze.client import Client

    return Client.connect(url, key, project=project)
