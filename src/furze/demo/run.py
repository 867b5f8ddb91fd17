"""`furze demo`: starts a server and lives a month of a shop through its public doors, timing each part."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from furze.client import Client, RequestRefused
from furze.demo import shop
from furze.kit import json
from furze.platform.keys import new_personal_key, new_project_token
from furze.process import StartError

_BATCH = 1_000
_READY_SECONDS = 60
_QUESTIONS = (
    "How many orders were completed per day in the last 2 weeks?",
    "What is the conversion from product viewed to checkout started to order completed?",
    "Which product made the most revenue in the last 30 days?",
)


@dataclass(frozen=True)
class _Server:
    """The furze that the demo talks to."""

    url: str
    personal_key: str
    project_key: str
    client: Client

    def rows(self, hogql: str) -> list[list[Any]]:
        """The rows of a HogQL query."""
        rows: list[list[Any]] = self.client.query(hogql)["results"]
        return rows


def demo(*, data: Path, port: int, events: int, stay: bool) -> None:
    """Run the whole story; raises `StartError` when the server can't start."""
    console = Console(highlight=False)
    data.mkdir(parents=True, exist_ok=True)
    # Whoever stops the demo means its server too, whichever signal says so.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _keys(data) as keys, _started(data, port, keys) as process:
            with _timed(console, "Start"):
                url = _url_when_ready(process)
            _story(_Server(url, *keys, Client.connect(url, keys[0])), data, events, console)
            if stay:
                console.print(
                    "\nThe server stays up. Stop it with Ctrl-C; `furze demo` again finds everything still there."
                )
                process.wait()
    except RequestRefused as error:
        raise StartError(str(error)) from error
    except KeyboardInterrupt:
        console.print("Stopped.")


def _story(server: _Server, data: Path, events: int, console: Console) -> None:
    console.print(f"[bold]furze is ready at {server.url}[/bold]")
    with _timed(console, "Capture"):
        _capture(server, events, console)
    with _timed(console, "Export"):
        _export(server, data / "exported", console)
    with _timed(console, "Questions"):
        for question in _QUESTIONS:
            _ask(server, question, console)
    with _timed(console, "Profile"):
        _profile(server, console)
    link = server.client.http.post("/api/sign_in_links/").json()["path"]
    console.print(f"\n[bold]Open[/bold]              {server.url}{link}  (signs you in, once)", soft_wrap=True)
    console.print(f"Personal API key  {server.personal_key}\nProject API key   {server.project_key}")


@contextmanager
def _timed(console: Console, part: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    console.print(f"[dim]{part} took {time.monotonic() - began:.1f} s[/dim]")


@contextmanager
def _keys(data: Path) -> Iterator[tuple[str, str]]:
    """The demo's keys: made at its first start, kept beside its data for the next."""
    file = data / "demo-keys.json"
    if file.exists():
        personal, project = json.loads(file.read_bytes())
    else:
        personal, project = new_personal_key(), new_project_token()
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(json.dumps([personal, project]))
    yield personal, project


@contextmanager
def _started(data: Path, port: int, keys: tuple[str, str]) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "FURZE_PERSONAL_API_KEY": keys[0], "FURZE_PROJECT_API_KEY": keys[1]}
    command = [sys.executable, "-m", "furze", "serve", "--data", str(data), "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def _url_when_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # noqa: S101 - asked for above
    for line in process.stdout:
        if " is ready at " in line:
            return line.rsplit(maxsplit=1)[-1]
    raise StartError("the server did not start; its own line above says why.")


def _capture(server: _Server, events: int, console: Console) -> None:
    known = server.rows("SELECT count() FROM events")[0][0]
    if known >= events:
        console.print(f"{known:,} events of an earlier start are still here.")
        return
    now = datetime.now(UTC)
    story = list(shop.month(events=events, until=now))
    recent = (now - timedelta(hours=2)).isoformat()
    with _progress(console) as progress:
        task = progress.add_task("Capture a month of a shop", total=len(story))
        for batch in _batches([each for each in story if each["timestamp"] < recent]):
            _post_batch(server, batch)
            progress.advance(task, len(batch))
        last = [each for each in story if each["timestamp"] >= recent]
        _send_with_sdk(server, last)
        progress.advance(task, len(last))
        _wait_for_events(server, known + len(story))
    people = server.rows("SELECT count() FROM persons")[0][0]
    console.print(f"{len(story):,} events of {people:,} people captured.")


def _batches(events: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(events), _BATCH):
        yield events[start : start + _BATCH]


def _post_batch(server: _Server, batch: list[dict[str, Any]]) -> None:
    body = gzip.compress(json.dumps({"api_key": server.project_key, "historical_migration": True, "batch": batch}), 1)
    for _ in range(60):
        answer = server.client.http.post("/batch/", content=body, headers={"Content-Type": "application/json"})
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            answer.raise_for_status()
            return
        time.sleep(1)  # the ingest queue is full: let it drain, then send the same batch again
    raise StartError("the server took no more events for a minute.")


def _send_with_sdk(server: _Server, events: list[dict[str, Any]]) -> None:
    try:
        from posthog import Posthog  # noqa: PLC0415 - installed with furze[demo]
    except ImportError:
        for batch in _batches(events):
            _post_batch(server, batch)
        return
    sdk = Posthog(server.project_key, host=server.url, max_queue_size=len(events) + 1, disable_geoip=False)
    for each in events:
        sdk.capture(
            each["event"],
            distinct_id=each["distinct_id"],
            properties=each["properties"],
            timestamp=datetime.fromisoformat(each["timestamp"]),
            uuid=each["uuid"],
        )
    sdk.shutdown()


def _wait_for_events(server: _Server, count: int) -> None:
    deadline = time.monotonic() + 300
    while server.rows("SELECT count() FROM events")[0][0] < count:
        if time.monotonic() > deadline:
            raise StartError("the captured events did not become readable within five minutes.")
        time.sleep(0.5)


def _export(server: _Server, folder: Path, console: Console) -> None:
    existing = [each for each in server.client.call("GET", "batch_exports/")["results"] if each["name"] == "Demo"]
    if existing:
        console.print(f"The export of an earlier start is still here: {len(_files(folder))} files in {folder}.")
        return
    export = server.client.call("POST", "batch_exports/", json=_export_body(folder))
    today = datetime.now(UTC).date()
    window = {"start_at": str(today - timedelta(days=shop.DAYS + 1)), "end_at": str(today)}
    started = server.client.call("POST", f"batch_exports/{export['id']}/backfills/", json=window)
    with _progress(console) as progress:
        task = progress.add_task("Export every day to Parquet", total=None)
        while True:
            backfill = server.client.call("GET", f"batch_exports/{export['id']}/backfills/{started['backfill_id']}/")
            done = backfill["progress"] or {}
            progress.update(task, total=done.get("total_runs"), completed=done.get("finished_runs") or 0)
            if backfill["status"] not in ("Starting", "Running"):
                break
            time.sleep(0.3)
    size = sum(file.stat().st_size for file in _files(folder))
    console.print(
        f"{backfill['status']}: {backfill['total_records_count']:,} events in {len(_files(folder))} Parquet files, "
        f"{size / 1e6:.1f} MB, in {folder}."
    )


def _export_body(folder: Path) -> dict[str, Any]:
    config = {"path": str(folder.resolve()), "prefix": "events/{year}/{month}", "file_format": "Parquet"}
    return {
        "name": "Demo",
        "model": "events",
        "interval": "day",
        "destination": {"type": "LocalFile", "config": config | {"compression": "zstd"}},
    }


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def _ask(server: _Server, question: str, console: Console) -> None:
    console.print(f"\n[bold cyan]? {question}[/bold cyan]")
    answer: dict[str, Any] = {}
    for event, message in server.client.ask(question):
        if event == "message" and message["type"] == "ai" and message.get("content"):
            answer = message
    console.print(Markdown(answer.get("content") or "No answer."))


def _profile(server: _Server, console: Console) -> None:
    config = _saved_profile(server)
    person_id = server.rows(
        "SELECT person_id FROM events WHERE event = 'order completed' "
        "GROUP BY person_id ORDER BY sum(toFloat(properties.revenue)) DESC LIMIT 1"
    )[0][0]
    page = server.client.call("GET", f"customer_profiles/person/{person_id}/")
    table = Table(
        title=f"The best customer, by {len(config['content'])} tiles of the saved profile", title_justify="left"
    )
    for name in ("", "Value"):
        table.add_column(name)
    metrics = [each for tile in page["content"] if tile["type"] == "ph-usage-metrics" for each in _results(tile)]
    numbers = {f"{each['name']}, {each['interval']} days": f"{each['value']:,.0f}" for each in metrics}
    person = next(tile for tile in page["sidebar"] if tile["type"] == "ph-person-properties")
    for name, value in {**numbers, **(person["data"] or {})}.items():
        table.add_row(name, str(value))
    console.print(table)


def _saved_profile(server: _Server) -> dict[str, Any]:
    """The project's profile config, made at the first start together with the numbers that it shows."""
    call = server.client.call
    if saved := call("GET", "customer_profile_configs/?scope=person")["results"]:
        found: dict[str, Any] = saved[0]
        return found
    orders = {"filters": {"events": [{"id": "order completed"}]}, "interval": 30, "display": "sparkline"}
    call("POST", "groups_types/0/metrics/", json={"name": "Orders", **orders})
    revenue = {"name": "Revenue", "format": "currency", "math": "sum", "math_property": "revenue"}
    call("POST", "groups_types/0/metrics/", json=revenue | orders)
    types = ("ph-usage-metrics", "ph-person-feed", "ph-llm-trace", "ph-issues")
    tiles = [{"type": kind, "index": index} for index, kind in enumerate(types)]
    made: dict[str, Any] = call("POST", "customer_profile_configs/", json={"scope": "person", "content": tiles})
    return made


def _results(tile: dict[str, Any]) -> list[dict[str, Any]]:
    """The numbers of a tile; none while it has a reason to have none."""
    return list((tile["data"] or {}).get("results") or [])


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)
