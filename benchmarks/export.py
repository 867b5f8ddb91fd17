"""Exports of a million events to S3 and PostgreSQL, beside the limit and the peers, all in one run.

    python benchmarks/export.py [--events 1000000] [--data FOLDER]

The server is the real process. A figure of ours is one run of a backfill, from the moment it is planned to the moment
it is recorded, reconciliation included. Baselines in the same run: DuckDB's own COPY from its own store, a
binary COPY that was encoded before, dlt with Arrow tables, sling from CSV. With `--data` the server's folder is kept,
and filled only once. The first run fetches the peers from the package registry.
"""

import argparse
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import sqlalchemy

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.exports.seaweed import Seaweed, seaweed

from furze.testing.postgres import fresh_database, postgres_server
from furze.testing.process import PROJECT_KEY, FurzeProcess
from peers import environment
from results import record

SMALL, BATCH, ROUNDS = 100_000, 2_000, 3
PEERS = Path(__file__).parent / "peers"
PARQUET = {"file_format": "Parquet", "compression": "zstd"}
LINES = {"file_format": "JSONLines", "compression": "gzip"}


@dataclass(frozen=True)
class Figure:
    """One run: rows, seconds, and how much memory the server had at most meanwhile, in MB."""

    rows: int
    seconds: float
    peak_mb: float

    def __str__(self) -> str:
        return f"{self.rows:,} rows in {self.seconds:.1f} s, {self.rows / self.seconds:,.0f} rows/s, {self.peak_mb} MB"


def batches(count: int, hour: datetime) -> Iterator[list[dict[str, Any]]]:
    """Events of one hour, the same at each call, some 600 bytes each."""
    chance = random.Random(hour.isoformat())
    browsers, systems = ("Chrome", "Safari", "Firefox", "Edge"), ("Mac OS X", "Windows", "iOS", "Android")
    for first in range(0, count, BATCH):
        found = []
        for number in range(first, min(first + BATCH, count)):
            path = f"/products/{chance.randrange(4000)}"
            properties = {
                "$current_url": f"https://shop.example{path}?utm_source=s{chance.randrange(9)}",
                "$pathname": path,
                "$browser": chance.choice(browsers),
                "$browser_version": chance.randrange(90, 140),
                "$os": chance.choice(systems),
                "$session_id": str(UUID(int=chance.getrandbits(128))),
                "$screen_width": chance.choice((390, 1280, 1440, 1920)),
                "revenue": round(chance.expovariate(0.02), 2),
                "text": "".join(chance.choices("abcdefghijklmnopqrstuvwxyz ", k=180)),
            }
            found.append(
                {
                    "uuid": str(UUID(int=chance.getrandbits(128), version=4)),
                    "event": chance.choice(("$pageview", "product viewed", "order completed")),
                    "distinct_id": f"person-{chance.randrange(20_000)}",
                    "timestamp": (hour + timedelta(seconds=3600 * number / count)).isoformat(),
                    "properties": properties,
                }
            )
        yield found


def fill(furze: FurzeProcess, count: int, hour: datetime) -> None:
    """Capture events over HTTP, and wait until they can be read."""

    def send(batch: list[dict[str, Any]]) -> None:
        body = {"api_key": PROJECT_KEY, "historical_migration": True, "batch": batch}
        assert furze.client.post("/batch/", json=body).status_code == 200

    with ThreadPoolExecutor(4) as pool:
        for sent in [pool.submit(send, batch) for batch in batches(count, hour)]:
            sent.result()
    while stored(furze, hour) < count:
        time.sleep(1)


def stored(furze: FurzeProcess, hour: datetime) -> int:
    """How many events of an hour can be read."""
    query = f"SELECT count() FROM events WHERE toStartOfHour(timestamp) = toDateTime('{hour:%Y-%m-%d %H:%M:%S}')"
    body = {"query": {"kind": "HogQLQuery", "query": query}, "refresh": "force_blocking"}
    found: int = furze.client.post("/api/projects/1/query/", json=body).json()["results"][0][0]
    return found


def export(furze: FurzeProcess, kind: str, config: dict[str, Any], hour: datetime) -> Figure:
    """An hour's rows into a destination."""
    place, body = "/api/projects/1/batch_exports/", {"name": kind, "interval": "hour", "paused": True}
    made = furze.client.post(place, json=body | {"destination": {"type": kind, "config": config}}).json()
    memory = Path(f"/proc/{furze.process.pid}")
    (memory / "clear_refs").write_text("5")
    span = {"start_at": hour.isoformat(), "end_at": (hour + timedelta(hours=1)).isoformat()}
    assert furze.client.post(f"{place}{made['id']}/backfills/", json=span).status_code == 201
    while True:
        runs = furze.client.get(f"{place}{made['id']}/runs/").json()["results"]
        if runs and runs[0]["status"] not in ("Starting", "Running"):
            break
        time.sleep(0.2)
    (run,) = runs
    assert run["status"] == "Completed", run["latest_error"]
    assert run["reconciliation"]["matches"], run["reconciliation"]
    seconds = datetime.fromisoformat(run["finished_at"]) - datetime.fromisoformat(run["created_at"])
    status = (memory / "status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    figure = Figure(run["records_completed"], seconds.total_seconds(), round(peak / 1024))
    print(f"{kind} {config.get('file_format', '')}: {figure}", flush=True)
    return figure


def peer(script: str, *arguments: str) -> float:
    """The seconds that a script in the peers' environment printed."""
    command = [environment.python(), str(PEERS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{script} failed: {done.stderr[-2000:]}")
    seconds = float(done.stdout.split()[-1])
    print(f"{script} {arguments[2]}: {seconds:.1f} s", flush=True)
    return seconds


def sling(source: Path, server: dict[str, Any]) -> float:
    """The seconds that sling takes for a CSV file. It knows no socket files, so a relay stands between."""
    with relayed(f"{server['host']}/.s.PGSQL.{server['port']}") as port:
        target = f"postgresql://{server['user']}:-@127.0.0.1:{port}/{server['database']}?sslmode=disable"
        command = [environment.sling(), "run", "--src-stream", f"file://{source}", "--tgt-conn", target]
        command += ["--tgt-object", "public.sling_events", "--mode", "full-refresh"]
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"sling failed: {done.stdout[-1000:]} {done.stderr[-1000:]}")
    print(f"sling to PostgreSQL: {seconds:.1f} s", flush=True)
    return seconds


@contextmanager
def relayed(path: str) -> Iterator[int]:
    """A port of this machine that leads to a socket file."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 18):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def accept(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, server = listening.accept()[0], socket.socket(socket.AF_UNIX)
                server.connect(path)
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]


def copy_encoded(url: str, table: str) -> float:
    """The seconds of a binary COPY into a table like ours, of rows that were encoded before."""
    with psycopg.connect(url) as connection, tempfile.TemporaryFile() as file:
        with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as reading:
            for data in reading:
                file.write(data)
        connection.execute(f"CREATE TABLE copied (LIKE {table} INCLUDING ALL)")
        connection.commit()
        file.seek(0)
        began = time.perf_counter()
        with connection.cursor().copy("COPY copied FROM STDIN (FORMAT binary)") as writing:
            while data := file.read(1 << 20):
                writing.write(data)
        connection.commit()
        seconds = time.perf_counter() - began
        connection.execute("DROP TABLE copied")
    print(f"binary COPY: {seconds:.1f} s", flush=True)
    return seconds


def to_s3(furze: FurzeProcess, s3: Seaweed, hours: dict[str, datetime], work: Path, files: str) -> dict[str, Any]:
    """S3, Parquet and JSON lines, beside DuckDB and dlt."""
    bucket = s3.new_bucket("bench")
    parquet, lines = s3.config(bucket, **PARQUET), s3.config(bucket, **LINES)
    copy = ("duckdb_copy.py", files, str(work / "store.duckdb"), s3.endpoint)
    options = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
    small = export(furze, "S3", parquet | {"prefix": "small"}, hours["small"])
    rounds = [
        (
            export(furze, "S3", parquet | {"prefix": f"parquet{number}"}, hours["large"]),
            peer(*copy, f"s3://{bucket}/duckdb{number}.parquet", options),
        )
        for number in range(ROUNDS)
    ]
    ours, duckdb = median([ours for ours, _ in rounds]), statistics.median(seconds for _, seconds in rounds)
    dlt = peer("dlt_load.py", files, str(work / "dlt"), "s3", f"s3://{bucket}/dlt", s3.endpoint)
    small_lines = export(furze, "S3", lines | {"prefix": "small"}, hours["small"])
    ours_lines = export(furze, "S3", lines | {"prefix": "lines"}, hours["large"])
    duckdb_lines = peer(*copy, f"s3://{bucket}/duckdb.json.gz", "FORMAT json, COMPRESSION gzip")
    return {
        "S3 Parquet zstd": shown(ours, small, DuckDB_COPY=duckdb, dlt=dlt),
        "S3 JSONLines gzip": shown(ours_lines, small_lines, DuckDB_COPY=duckdb_lines),
    }


def to_postgres(furze: FurzeProcess, hours: dict[str, datetime], work: Path, files: str, csv: Path) -> dict[str, Any]:
    """PostgreSQL, beside a COPY that was encoded before, dlt and sling."""
    with postgres_server() as server:
        parts = sqlalchemy.make_url(fresh_database(server)).set(drivername="postgresql")
        # The server listens on a socket file only, and the peers want a host all the same.
        url = parts.set(host=parts.host or "localhost", password=parts.password or "-").render_as_string(False)
        config = {"host": parts.host or parts.query["host"], "port": parts.port or 5432, "user": parts.username}
        config |= {"database": parts.database, "password": parts.password}
        config = {name: value for name, value in config.items() if value is not None}
        small = export(furze, "Postgres", config | {"table_name": "small"}, hours["small"])
        rounds = [
            (
                export(furze, "Postgres", config | {"table_name": f"events{number}"}, hours["large"]),
                copy_encoded(url, f"events{number}"),
            )
            for number in range(ROUNDS)
        ]
        ours, encoded = median([ours for ours, _ in rounds]), statistics.median(seconds for _, seconds in rounds)
        dlt = peer("dlt_load.py", files, str(work / "dlt-postgres"), "postgres", url)
        by_sling = sling(csv, config)
    return {"PostgreSQL": shown(ours, small, encoded_COPY=encoded, dlt=dlt, sling_from_CSV=by_sling)}


def median(figures: list[Figure]) -> Figure:
    """The figure in the middle, with the highest memory of all."""
    middle = sorted(figures, key=lambda figure: figure.seconds)[len(figures) // 2]
    return replace(middle, peak_mb=max(figure.peak_mb for figure in figures))


def shown(ours: Figure, small: Figure, **others: float) -> dict[str, Any]:
    """Our figure, and how many times as fast as each other it is."""
    return {
        "rows": ours.rows,
        "rows_per_second": round(ours.rows / ours.seconds),
        "peak_mb": ours.peak_mb,
        f"peak_mb_of_{small.rows}_rows": small.peak_mb,
        "rows_per_second_of_others": {name: round(ours.rows / seconds) for name, seconds in others.items()},
        "times_as_fast_as": {name: round(seconds / ours.seconds, 2) for name, seconds in others.items()},
    }


def main() -> None:
    """Fill, export, compare, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path)
    asked = parser.parse_args()
    environment.python()
    yesterday = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (work / "s3").mkdir()
        data = asked.data or work / "furze"
        kept = data / "hours.json"
        hours = {"small": yesterday + timedelta(hours=8), "large": yesterday + timedelta(hours=9)}
        if kept.is_file():
            hours = {name: datetime.fromisoformat(text) for name, text in json.loads(kept.read_text()).items()}
        furze = stack.enter_context(FurzeProcess(data))
        if not kept.is_file():
            began = time.monotonic()
            fill(furze, SMALL, hours["small"])
            fill(furze, asked.events, hours["large"])
            kept.write_text(json.dumps({name: hour.isoformat() for name, hour in hours.items()}))
            print(f"captured in {time.monotonic() - began:.0f} s", flush=True)
            furze.kill()
            furze.restart()  # so that the memory is that of exporting alone
        s3 = stack.enter_context(seaweed(work / "s3", volume_megabytes=1024))
        export(furze, "LocalFile", PARQUET | {"path": str(work / "files")}, hours["large"])
        export(
            furze, "LocalFile", {"file_format": "CSV", "compression": None, "path": str(work / "csv")}, hours["large"]
        )
        files, csv = str(work / "files"), next((work / "csv").rglob("*.csv"))
        figures = to_s3(furze, s3, hours, work, files) | to_postgres(furze, hours, work, files, csv)
    record("export", figures)


if __name__ == "__main__":
    sys.exit(main())
