"""How a command fails."""

import sys
from typing import Any

import click


def or_exit(command: Any, **options: Any) -> Any:
    """Run a command; what a person can mend is one line on stderr, not a traceback."""
    from furze.client import RequestRefused
    from furze.process import StartError

    try:
        return command(**options)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except (StartError, RequestRefused) as error:
        click.echo(f"furze: {error}", err=True)
        sys.exit(1)
