"""The command line. Commands import what they run when they run it, so that `--help` is instant."""

from pathlib import Path

import click

import furze
from furze.cli.exports import export
from furze.cli.failing import or_exit
from furze.cli.questions import ask, query


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(furze.__version__, prog_name="furze")
def main() -> None:
    """An analytics environment server that speaks the PostHog API, in one process."""


_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("furze-data"),
    envvar="FURZE_DATA",
    show_envvar=True,
    show_default=True,
    help="The folder that holds everything furze stores.",
)

_port = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    envvar="FURZE_PORT",
    show_envvar=True,
    show_default=True,
    help="The port to listen on; 0 takes a free one.",
)


@main.command()
@_data
@click.option(
    "--host",
    default="127.0.0.1",
    envvar="FURZE_HOST",
    show_envvar=True,
    show_default=True,
    help="The address to listen on.",
)
@_port
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    show_default=True,
    help="How much to say on stderr.",
)
def serve(data: Path, host: str, port: int, log_level: str) -> None:
    """Start the server. The first start makes a project and prints its two keys, once."""
    from furze import process

    or_exit(process.serve, data=data, host=host, port=port, log_level=log_level)


@main.command()
@_data
def migrate(data: Path) -> None:
    """Bring the database to this release's schema. `furze serve` does so by itself."""
    from furze import process

    click.echo(or_exit(process.migrate, data=data))


@main.command()
@_data
@click.argument("email")
@click.password_option(help="The new password; asked for if it is not given.")
def password(data: Path, email: str, password: str) -> None:
    """Set the password of the account EMAIL, forgotten ones too. A server that runs may go on running."""
    from furze import process

    click.echo(or_exit(process.set_password, data=data, email=email, password=password))


@main.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-data"),
    show_default=True,
    help="The folder to start in; a second start finds everything still there.",
)
@_port
@click.option("--events", default=200_000, show_default=True, type=click.IntRange(1_000), help="How many events.")
@click.option("--stay/--exit", default=True, show_default=True, help="Stay up at the end, or stop.")
def demo(data: Path, port: int, events: int, stay: bool) -> None:  # noqa: FBT001 - click's way of a switch
    """Start furze, send a month of a shop's traffic, export it, ask questions, show a profile."""
    from furze.demo import run

    or_exit(run.demo, data=data, port=port, events=events, stay=stay)


main.add_command(query)
main.add_command(ask)
main.add_command(export)
