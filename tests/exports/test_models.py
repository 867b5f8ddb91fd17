"""What can be exported: events with filters or a query of their own, persons, sessions, any HogQL query."""

import gzip
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pyarrow import parquet
from tests.exports.bench import new_bench, opened
from tests.exports.conftest import Exporting, uuids_in


def folder(path: Path, **more: Any) -> dict[str, Any]:
    return {"type": "LocalFile", "config": {"path": str(path)} | more}


def table(path: Path) -> list[dict[str, Any]]:
    return [row for file in sorted(path.rglob("*.parquet")) for row in parquet.read_table(file).to_pylist()]


def test_parquet_and_json_lines_hold_the_same_rows(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    text = 'quote " backslash \\ line\nbreak \u2028 snowman \u2603'
    exporting.send(1, event=unique, properties={"text": text, "deep": {"list": [1, 2.5, None, True]}})
    for file_format in ("Parquet", "JSONLines"):
        export = exporting.create(folder(tmp_path, file_format=file_format, include_events=[unique]))
        assert exporting.backfill(export)["errors"] == []
    row = table(tmp_path)[0]
    line = json.loads(gzip.decompress(next(tmp_path.glob("*.jsonl.gz")).read_bytes()))
    assert set(line) == set(row)
    assert line["properties"] == json.loads(row["properties"])
    assert line["properties"]["text"] == text
    assert line["timestamp"] == row["timestamp"].isoformat(timespec="microseconds")
    assert (line["uuid"], line["event"], line["person_id"]) == (row["uuid"], unique, row["person_id"])


@pytest.mark.parametrize(
    ("file_format", "compression", "ending"),
    [
        ("Parquet", "lz4", ".parquet"),
        ("Parquet", "snappy", ".parquet"),
        ("Parquet", "gzip", ".parquet"),
        ("Parquet", "brotli", ".parquet"),
        ("Parquet", None, ".parquet"),
        ("JSONLines", "zstd", ".jsonl.zst"),
        ("JSONLines", "brotli", ".jsonl.br"),
        ("JSONLines", None, ".jsonl"),
        ("CSV", "gzip", ".csv.gz"),
        ("Arrow", "zstd", ".arrow"),
    ],
)
def test_every_format_and_codec_names_its_files(
    exporting: Exporting, tmp_path: Path, unique: str, file_format: str, compression: str | None, ending: str
) -> None:
    exporting.send(2, event=unique)
    destination = folder(tmp_path, file_format=file_format, compression=compression, include_events=[unique])
    assert exporting.backfill(exporting.create(destination), hours=1)["errors"] == []
    files = list(tmp_path.rglob("*.*"))
    assert len(files) == 1
    assert files[0].name.endswith(ending)


def test_filters_and_names_narrow_the_events(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    wanted = exporting.send(2, event=unique, properties={"plan": "paid"})
    exporting.send(2, event=unique, properties={"plan": "free"})
    filters = [
        {"type": "event", "key": "plan", "operator": "exact", "value": "paid"},
        {"type": "hogql", "key": f"event = '{unique}'"},
    ]
    export = exporting.create(folder(tmp_path), filters=filters)
    assert exporting.backfill(export)["errors"] == []
    assert sorted(uuids_in(tmp_path)) == sorted(wanted)


def test_a_query_over_events_gives_its_own_columns_and_its_where_counts(
    exporting: Exporting, tmp_path: Path, unique: str
) -> None:
    exporting.send(4, event=unique)
    query = f"SELECT uuid, event AS name, properties.n AS n FROM events WHERE event = '{unique}' AND properties.n < 2"
    export = exporting.create(folder(tmp_path), hogql_query=query)
    assert [field["alias"] for field in export["schema"]["fields"]] == ["uuid", "name", "n"]
    assert exporting.backfill(export)["errors"] == []
    rows = table(tmp_path)
    assert sorted((row["name"], row["n"]) for row in rows) == [(unique, "0"), (unique, "1")]


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("SELECT", "Failed to parse query"),
        ("SELECT event FROM events UNION ALL SELECT event FROM events", "UNIONs are not supported"),
        ("WITH 1 AS x SELECT event FROM events", "CTEs are not supported"),
        ("SELECT event FROM (SELECT event FROM events)", "Subqueries are not supported"),
        ("SELECT 1", "Query must SELECT FROM events"),
        ("SELECT id FROM persons", "Query must only SELECT FROM events"),
        ("SELECT e.event FROM events e JOIN persons p ON 1 = 1", "JOINs are not supported"),
        ("SELECT mystery FROM events", "Batch exports cannot read these fields: mystery. Supported fields are: "),
    ],
)
def test_a_query_that_an_export_cannot_run_is_refused(exporting: Exporting, query: str, detail: str) -> None:
    body = {"name": "t", "interval": "hour", "destination": {"type": "NoOp"}, "hogql_query": query}
    answer = exporting.furze.client.post(exporting.furze.api("batch_exports/"), json=body)
    assert (answer.status_code, answer.json()["attr"]) == (400, "hogql_query")
    assert answer.json()["detail"].startswith(detail)


def test_any_query_can_be_exported(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    exporting.send(5, event=unique)
    query = (
        f"SELECT event, count() AS events, max(timestamp) AS newest FROM events WHERE event = '{unique}' "
        "AND timestamp >= {data_interval_start} AND timestamp < {data_interval_end} GROUP BY event"
    )
    export = exporting.create(folder(tmp_path), model="hogql", hogql_query=query)
    assert exporting.backfill(export, hours=1)["errors"] == []
    assert sum(row["events"] for row in table(tmp_path)) == 5


def test_sessions_are_exported_whole(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    for path in ("/", "/prices"):
        url = f"https://shop.example{path}"
        exporting.send(1, event="$pageview", properties={"$session_id": unique, "$current_url": url})
    export = exporting.create(folder(tmp_path), model="sessions")
    assert exporting.backfill(export)["errors"] == []
    sessions = [row for row in table(tmp_path) if row["session_id"] == unique]
    assert (sessions[-1]["pageview_count"], sessions[-1]["num_uniq_urls"]) == (2, 2)


def test_persons_come_one_row_per_distinct_id(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    exporting.send(1, event="$identify", distinct_id=unique, properties={"$set": {"plan": "free"}})
    export = exporting.create(folder(tmp_path, file_format="JSONLines", compression=None), model="persons")
    assert exporting.backfill(export)["errors"] == []
    lines = [json.loads(line) for file in tmp_path.glob("*.jsonl") for line in file.read_text().splitlines()]
    mine = [line for line in lines if line["distinct_id"] == unique]
    assert mine[-1]["properties"]["plan"] == "free"
    assert mine[-1]["is_deleted"] is False


async def test_a_person_who_came_in_the_second_before_a_backfill_is_in_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        bench, person_id = await new_bench(engine), uuid4()
        bench.clock.advance(seconds=0.05)  # the minute has just begun, and nothing else came in it
        position, now = await engine.queue.append(bench.access.project.id, b"", 1), bench.clock.now()
        batch = await engine.queue.next_batch(linger_seconds=0)
        row = {"team_id": bench.access.project.id, "version": 1, "position": position, "is_deleted": 0}
        person = {"id": person_id, "properties": "{}", "created_at": now, "last_seen_at": now, "is_identified": 1}
        name = {"distinct_id": "ada", "person_id": person_id, "is_overridden": 0}
        await engine.store.insert("person", [row | person])
        await engine.store.insert("person_distinct_id", [row | name])
        await engine.queue.complete(batch)
        bench.clock.advance(seconds=0.05)
        export = await bench.export(folder(tmp_path / "out"), model="persons")
        await bench.backfill(export, now - timedelta(hours=1), bench.clock.now())
        await bench.work()
        assert [row["distinct_id"] for row in table(tmp_path / "out")] == ["ada"]
