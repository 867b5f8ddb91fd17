"""`furze export`: list, show, run, backfill, watch and verify batch exports."""

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from furze.cli.connection import client, connects
from furze.cli.failing import or_exit

if TYPE_CHECKING:
    from furze.client import Client

_OVER = ("Completed", "Failed", "FailedRetryable", "FailedBilling", "Cancelled", "TimedOut", "Terminated")
_POLL_SECONDS = 0.5
_VERIFY_SECONDS = 6 * 3600
_FAULTS = ("missing", "extra", "doubled", "problem")


@click.group()
def export() -> None:
    """List, show, run, backfill, watch and verify batch exports."""


@export.command("list")
@connects
def list_exports(url: str, key: str, project: str) -> None:
    """The project's exports, newest first, with how their last runs went."""
    or_exit(_list, server=client(url, key, project))


@export.command()
@click.argument("export_id")
@connects
def show(export_id: str, url: str, key: str, project: str) -> None:
    """One export and its latest runs."""
    or_exit(_show, server=client(url, key, project), export_id=export_id)


@export.command()
@click.argument("export_id")
@connects
def run(export_id: str, url: str, key: str, project: str) -> None:
    """Run the latest failed interval again, or say that there is none."""
    or_exit(_run, server=client(url, key, project), export_id=export_id)


@export.command()
@click.argument("export_id")
@click.option(
    "--start",
    "start_at",
    required=True,
    help="2026-01-31 for daily and weekly exports, else with time and zone: 2026-01-31T10:00Z.",
)
@click.option("--end", "end_at", required=True, help="As --start; not in the future.")
@connects
def backfill(export_id: str, start_at: str, end_at: str, url: str, key: str, project: str) -> None:
    """Export a range of the past, and watch it."""
    or_exit(_backfill, server=client(url, key, project), export_id=export_id, start_at=start_at, end_at=end_at)


@export.command()
@click.argument("export_id")
@connects
def watch(export_id: str, url: str, key: str, project: str) -> None:
    """Watch an export's runs as they happen, until Ctrl-C."""
    or_exit(_watch, server=client(url, key, project), export_id=export_id)


@export.command()
@click.argument("export_id")
@click.option("--start", help="Only intervals that end after this: 2026-01-31, or -7d.")
@click.option("--end", help="Only intervals that begin before this.")
@connects
def verify(export_id: str, start: str | None, end: str | None, url: str, key: str, project: str) -> None:
    """Read the destination again and report rows that are missing, surplus or doubled; exit 1 if there are any."""
    or_exit(_verify, server=client(url, key, project), export_id=export_id, start=start, end=end)


def _list(server: "Client") -> None:
    from rich.console import Console
    from rich.table import Column, Table

    table = Table(Column("id", no_wrap=True), "name", "what", Column("last runs", no_wrap=True))
    for each in server.pages("batch_exports/"):
        runs = "".join(run["status"][0] for run in reversed(each["latest_runs"] or []))
        pace = "paused" if each["paused"] else each["interval"]
        table.add_row(each["id"], each["name"], f"{each['model']} to {each['destination']['type']}, {pace}", runs)
    Console().print(table)


def _show(server: "Client", export_id: str) -> None:
    from rich.console import Console

    console = Console()
    shown = server.call("GET", f"batch_exports/{export_id}/")
    runs = shown.pop("latest_runs") or []
    console.print_json(data=shown)
    console.print(_runs_table(runs))


def _run(server: "Client", export_id: str) -> None:
    from rich.console import Console

    failed = server.call("GET", f"batch_exports/{export_id}/runs/?status=Failed&after=-30d")["results"]
    if not failed:
        click.echo("No run failed in the last 30 days. To export a range again, use `furze export backfill`.")
        return
    server.call("POST", f"batch_exports/{export_id}/runs/{failed[0]['id']}/retry/")
    newest = server.call("GET", f"batch_exports/{export_id}/runs/?limit=1")["results"][0]["id"]
    while (again := server.call("GET", f"batch_exports/{export_id}/runs/{newest}/"))["status"] not in _OVER:
        time.sleep(_POLL_SECONDS)
    Console().print(_runs_table([again]))
    if again["status"] != "Completed":
        sys.exit(1)


def _backfill(server: "Client", export_id: str, start_at: str, end_at: str) -> None:
    body = {"start_at": start_at, "end_at": end_at}
    started = server.call("POST", f"batch_exports/{export_id}/backfills/", json=body)
    _watch_backfill(server, export_id, started["backfill_id"])


def _watch_backfill(server: "Client", export_id: str, backfill_id: str) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("Runs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    began = time.monotonic()
    with Progress(*columns) as progress:
        task = progress.add_task("Runs", total=None)
        while True:
            shown = server.call("GET", f"batch_exports/{export_id}/backfills/{backfill_id}/")
            done = shown["progress"] or {}
            progress.update(task, total=done.get("total_runs"), completed=done.get("finished_runs") or 0)
            if shown["status"] in _OVER:
                break
            time.sleep(_POLL_SECONDS)
    rows, seconds = shown["total_records_count"] or 0, time.monotonic() - began
    click.echo(f"{shown['status']}: {rows:,} rows in {seconds:.1f} s, {rows / max(seconds, 0.001):,.0f} rows/s.")


def _verify(server: "Client", export_id: str, start: str | None, end: str | None) -> None:
    from rich.console import Console

    console, began = Console(), time.monotonic()
    parameters = {name: value for name, value in (("start", start), ("end", end)) if value}
    with console.status("Reading the destination again …"):
        path = f"batch_exports/{export_id}/verify/"
        found = server.call("POST", path, params=parameters, timeout=_VERIFY_SECONDS)
    wrong = [run for run in found["runs"] if any(run[name] for name in _FAULTS)]
    if wrong:
        console.print(_faults_table(wrong))
    for kind, uuids in found["examples"].items():
        if uuids:
            click.echo(f"{kind}, for example: {', '.join(uuids)}")
    seconds = time.monotonic() - began
    click.echo(
        f"{'Verified' if found['matches'] else 'DIFFERENT'}: {len(found['runs'])} intervals, "
        f"{found['rows_expected']:,} rows expected, {found['rows_found']:,} found, {found['missing']:,} missing, "
        f"{found['extra']:,} surplus, {found['doubled']:,} doubled, in {seconds:.1f} s."
    )
    if not found["matches"]:
        sys.exit(1)


def _faults_table(runs: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table("interval end", "expected", "found", "missing", "surplus", "doubled", "problem")
    for run in runs:
        counts = [f"{run[name]:,}" for name in ("rows_expected", "rows_found", "missing", "extra", "doubled")]
        table.add_row(run["data_interval_end"], *counts, run["problem"] or "")
    return table


def _watch(server: "Client", export_id: str) -> None:
    from rich.live import Live

    try:
        with Live(refresh_per_second=4) as live:
            while True:
                live.update(_runs_table(server.call("GET", f"batch_exports/{export_id}/runs/")["results"][:20]))
                time.sleep(1)
    except KeyboardInterrupt:
        return


def _runs_table(runs: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table("interval end", "status", "rows", "bytes", "rows/s", "error")
    for each in runs:
        table.add_row(
            each["data_interval_end"],
            each["status"],
            f"{each['records_completed'] or 0:,}",
            f"{each['bytes_exported'] or 0:,}",
            _rate(each),
            each["latest_error"] or "",
        )
    return table


def _rate(run: dict[str, Any]) -> str:
    if not run["finished_at"] or not run["records_completed"]:
        return ""
    seconds = (datetime.fromisoformat(run["finished_at"]) - datetime.fromisoformat(run["created_at"])).total_seconds()
    return f"{run['records_completed'] / max(seconds, 0.001):,.0f}"
