"""`furze query` and `furze ask`."""

from typing import TYPE_CHECKING, Any

import click

from furze.cli.connection import client, connects
from furze.cli.failing import or_exit

if TYPE_CHECKING:
    from furze.client import Client


@click.command()
@click.argument("hogql")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@connects
def query(hogql: str, form: str, url: str, key: str, project: str) -> None:
    """Run a HogQL query: furze query "SELECT event, count() FROM events GROUP BY event"."""
    or_exit(_query, server=client(url, key, project), hogql=hogql, form=form)


@click.command()
@click.argument("question")
@connects
def ask(question: str, url: str, key: str, project: str) -> None:
    """Ask the assistant: furze ask "How many orders per day last week?"."""
    or_exit(_ask, server=client(url, key, project), question=question)


def _query(server: "Client", hogql: str, form: str) -> None:
    answer = server.query(hogql)
    {"table": _print_table, "json": _print_json, "csv": _print_csv}[form](answer)


def _print_table(answer: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*answer["columns"])
    for row in answer["results"]:
        table.add_row(*("" if value is None else str(value) for value in row))
    Console().print(table)
    if answer["hasMore"]:
        click.echo(f"The first {len(answer['results'])} rows; add a LIMIT of up to 50000 for more.", err=True)


def _print_json(answer: dict[str, Any]) -> None:
    import json

    for row in answer["results"]:
        click.echo(json.dumps(dict(zip(answer["columns"], row, strict=True)), ensure_ascii=False))


def _print_csv(answer: dict[str, Any]) -> None:
    import csv
    import sys

    writer = csv.writer(sys.stdout)
    writer.writerow(answer["columns"])
    writer.writerows(answer["results"])


def _ask(server: "Client", question: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    answer, console = "", Console()
    with console.status("Thinking …"):
        for event, message in server.ask(question):
            if event == "message" and message["type"] in ("ai", "ai/failure"):
                answer = message.get("content") or answer
    console.print(Markdown(answer or "No answer."))
