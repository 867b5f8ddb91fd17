"""Exports into Iceberg tables: of a REST catalog on a real S3 server, and of a SQLite file and a folder."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.exports.bench import Killed, new_bench, opened
from tests.exports.conftest import Exporting
from tests.exports.destinations.conftest import Steps, deliver, failure, repeat
from tests.exports.seaweed import Seaweed, seaweed

from furze.exports import addresses, checks, ticker
from furze.exports.addresses import Reach
from furze.exports.destinations import DESTINATIONS
from furze.exports.destinations.iceberg import Iceberg

catalogs = pytest.importorskip("pyiceberg.catalog", reason="NOT TESTED: Iceberg needs `pip install furze[iceberg]`")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    with seaweed(tmp_path_factory.mktemp("seaweed")) as running:
        yield running


def in_folder(folder: Path, **more: Any) -> dict[str, Any]:
    config = {"catalog_uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}
    return {"type": "Iceberg", "config": config | {"namespace": "lake"} | more}


def on_s3(server: Seaweed, warehouse: str, **more: Any) -> dict[str, Any]:
    config = {"catalog_uri": server.catalog, "warehouse": warehouse, "catalog_credential": "ak:secret-of-ak"}
    config |= {"aws_access_key_id": "ak", "aws_secret_access_key": "secret-of-ak"}
    config |= {"region": "us-east-1", "endpoint_url": server.endpoint, "namespace": "lake"}
    return {"type": "Iceberg", "config": config | more}


def table(destination: dict[str, Any], name: str = "events") -> Any:
    """The table as another program finds it."""
    config = destination["config"]
    properties = {"uri": config["catalog_uri"], "warehouse": config["warehouse"]}
    if "endpoint_url" in config:
        properties |= {"type": "rest", "credential": "ak:secret-of-ak", "s3.endpoint": config["endpoint_url"]}
        properties |= {"oauth2-server-uri": config["catalog_uri"] + "/v1/oauth/tokens"}
        properties |= {"s3.access-key-id": "ak", "s3.secret-access-key": "secret-of-ak", "s3.region": "us-east-1"}
    else:
        properties |= {"type": "sql"}
    return catalogs.load_catalog("default", **properties).load_table((config["namespace"], name))


def rows_of(found: Any, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in found.scan(selected_fields=columns).to_arrow().to_pylist()]


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_events_arrive_once_and_a_repeat_adds_only_what_is_missing(
    exporting: Exporting, server: Seaweed, tmp_path: Path, unique: str, place: str
) -> None:
    sent = exporting.send(10, event=unique)
    destination = (
        in_folder(tmp_path, include_events=[unique])
        if place == "folder"
        else on_s3(server, server.new_table_bucket(f"b{unique}"), include_events=[unique])
    )
    export = deliver(exporting, destination)
    assert {"aws_secret_access_key", "catalog_credential"}.isdisjoint(export["destination"]["config"])
    assert sorted(row[0] for row in rows_of(table(destination), "uuid")) == sorted(sent)
    assert _runs(table(destination)) == [export["run"]["id"]]
    table(destination).delete(f"uuid = '{min(sent)}'")
    assert repeat(exporting, export)["reconciliation"]["matches"]
    assert sorted(row[0] for row in rows_of(table(destination), "uuid")) == sorted(sent)
    assert exporting.call("POST", f"{export['id']}/verify/")["matches"] is True


def _runs(found: Any) -> list[str]:
    named = (each.summary.additional_properties.get("furze-run-id") for each in found.metadata.snapshots)
    return [run for run in named if run]


def test_persons_are_merged_by_their_versions(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    exporting.send(1, event="$identify", distinct_id=f"{unique}-other", properties={"$set": {"plan": "free"}})
    exporting.send(1, event="$identify", distinct_id=unique, properties={"$set": {"plan": "free"}})
    destination = in_folder(tmp_path, table_name="people")
    export = deliver(exporting, destination, model="persons")
    before = sorted(rows_of(table(destination, "people"), "distinct_id", "person_id"))
    exporting.send(1, event="$set", distinct_id=unique, properties={"$set": {"plan": "paid"}})
    assert exporting.backfill(export)["errors"] == []
    found = dict(rows_of(table(destination, "people"), "distinct_id", "properties"))
    assert ('"paid"' in found[unique], '"free"' in found[f"{unique}-other"]) == (True, True)
    assert sorted(rows_of(table(destination, "people"), "distinct_id", "person_id")) == before


def test_sessions_keep_their_lists_and_are_replaced_as_they_grow(
    exporting: Exporting, tmp_path: Path, unique: str
) -> None:
    def look(path: str) -> None:
        properties = {"$session_id": unique, "$current_url": f"https://shop.example/{path}"}
        exporting.send(1, event="$pageview", properties=properties)

    look("a")
    destination = in_folder(tmp_path, table_name="visits")
    export = deliver(exporting, destination, model="sessions")
    look("b")
    assert exporting.backfill(export)["errors"] == []
    (urls,) = (row[1] for row in rows_of(table(destination, "visits"), "session_id", "urls") if row[0] == unique)
    assert sorted(urls) == ["https://shop.example/a", "https://shop.example/b"]


def test_a_key_of_several_columns_replaces_only_its_own_rows(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    for n in (1, 2):
        exporting.send(1, event=unique, properties={"shop": f"s{n}", "item": f"i{n}"})
    query = f"""SELECT properties.shop AS shop, properties.item AS item, count() AS n FROM events
        WHERE event = '{unique}' GROUP BY shop, item"""
    merged = {"model": "hogql", "incremental_mode": "MERGE", "primary_key": ["shop", "item"], "version_key": "n"}
    destination = in_folder(tmp_path, table_name="asked")
    export = deliver(exporting, destination, hogql_query=query, **merged)
    held = table(destination, "asked")
    held.append(pa.table({"shop": ["s1"], "item": ["i2"], "n": [70]}))
    for n in (1, 2):
        exporting.send(1, event=unique, properties={"shop": f"s{n}", "item": f"i{n}"})
    assert exporting.backfill(export)["errors"] == []
    found = sorted(rows_of(table(destination, "asked"), "shop", "item", "n"))
    assert found == [("s1", "i1", 2), ("s1", "i2", 70), ("s2", "i2", 2)]


class Dying(Iceberg):
    """Iceberg, from a process that dies once, after its commit and before anybody has recorded it."""

    name = "DyingIceberg"

    async def open(self, config: Any, delivery: Any) -> Any:
        sink = await super().open(config, delivery)
        return sink if delivery.is_repeat else _DyingSink(sink)


class _DyingSink:
    def __init__(self, sink: Any) -> None:
        self._sink = sink

    async def write(self, batch: Any) -> None:
        await self._sink.write(batch)

    async def commit(self) -> Any:
        await self._sink.commit()
        raise Killed

    async def abort(self) -> None:
        pass


def test_a_commit_that_nobody_recorded_is_not_made_again_even_for_rows_without_a_key(tmp_path: Path) -> None:
    destination = in_folder(tmp_path)

    async def live() -> None:
        async with opened(tmp_path) as engine:
            bench = await new_bench(engine)
            await bench.send(3)
            query = "SELECT event, count() AS n FROM events GROUP BY event"
            export = await bench.export(destination | {"type": Dying.name}, model="hogql", hogql_query=query)
            bench.clock.advance(hours=1)
            await bench.tick()
            await bench.work()
            (run,) = await bench.runs(export)
            assert (run.status, run.attempt, run.records_completed) == ("Completed", 2, 1)

    DESTINATIONS[Dying.name] = Dying()
    try:
        asyncio.run(live())
    finally:
        del DESTINATIONS[Dying.name]
    assert rows_of(table(destination), "event", "n") == [("seen", 3)]


def test_a_commit_of_somebody_else_in_between_is_looked_at_before_the_next_try(
    exporting: Exporting, tmp_path: Path, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyiceberg.table import Table  # noqa: PLC0415

    exporting.send(3, event=unique)
    destination = in_folder(tmp_path, include_events=[unique])
    deliver(exporting, destination)
    commit, others = Table._do_commit, [1]

    def late(self: Any, *arguments: Any, **more: Any) -> Any:
        if others and threading.current_thread() is not threading.main_thread():
            others.pop()
            copy = table(destination)
            copy.append(copy.scan().to_arrow().slice(0, 0))
        return commit(self, *arguments, **more)

    monkeypatch.setattr(Table, "_do_commit", late)
    sent = exporting.send(2, event=unique)
    export = exporting.create(destination)
    ended = exporting.backfill(export)
    assert ended["status"] == "Completed", ended
    found = [row[0] for row in rows_of(table(destination), "uuid")]
    assert (len(found), sent <= set(found)) == (5, True)
    assert max(run["attempt"] for run in exporting.runs(export)) == 2


def test_each_test_step_says_what_to_mend(server: Seaweed, steps: Steps, unique: str, tmp_path: Path) -> None:
    warehouse = server.new_table_bucket(f"b{unique}")
    right = on_s3(server, warehouse)
    assert [step["status"] for step in steps(right)] == ["Passed"] * 4
    with pytest.raises(Exception, match="does not exist"):
        table(right, "events_furze_test")
    mistakes: list[tuple[dict[str, Any], int, str]] = [
        ({"catalog_uri": "http://nowhere.invalid"}, 2, "not known"),
        ({"catalog_uri": "http://169.254.169.254"}, 2, "metadata"),
        ({"catalog_uri": "http://127.0.0.1:9"}, 2, "Connection"),
        ({"catalog_credential": "ak:not-the-secret"}, 2, "refuses the credential"),
        ({"endpoint_url": "http://169.254.169.254"}, 4, "metadata"),
        ({"aws_secret_access_key": "not-the-secret"}, 4, "SIGNATURE_DOES_NOT_MATCH"),
    ]
    for changes, number, words in mistakes:
        found = steps(right | {"config": right["config"] | changes})
        assert (len(found), found[-1]["status"]) == (number, "Failed"), (changes, found)
        assert words in found[-1]["message"], (changes, found)
        assert "not-the-secret" not in found[-1]["message"]
    assert [step["status"] for step in steps(in_folder(tmp_path))] == ["Passed"] * 4
    assert list(tmp_path.rglob("*.parquet")) == []
    assert "unable to open" in steps(in_folder(tmp_path / "nowhere"))[-1]["message"]


def test_a_table_of_other_columns_fails_the_run_at_once(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    exporting.send(1, event=unique)
    destination = in_folder(tmp_path, include_events=[unique])
    config = destination["config"]
    catalog = catalogs.load_catalog("default", type="sql", uri=config["catalog_uri"], warehouse=config["warehouse"])
    catalog.create_namespace("lake")
    catalog.create_table("lake.events", pa.schema([("n", pa.int64())]))
    assert "no column 'uuid'" in failure(exporting, destination)
    catalog.create_table("lake.numbers", pa.schema([("uuid", pa.int64())]))
    destination = in_folder(tmp_path, include_events=[unique], table_name="numbers")
    assert "does not take the rows" in failure(exporting, destination)


async def test_a_catalog_cannot_lead_out_of_the_allowed_folders(tmp_path: Path) -> None:
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    allowed.mkdir()
    right = in_folder(allowed)["config"]
    wrong = [in_folder(outside)["config"], right | {"warehouse": f"file://{outside}"}]
    catalog = catalogs.load_catalog("default", type="sql", uri=right["catalog_uri"], warehouse=right["warehouse"])
    catalog.create_namespace("lake")
    catalog.create_table("lake.elsewhere", pa.schema([("uuid", pa.string())]), location=f"file://{outside}/e")
    wrong.append(right | {"table_name": "elsewhere"})
    async with opened(tmp_path) as engine:
        ticker.register(replace(engine, reach=Reach(folders=(allowed,))))
        bench = await new_bench(engine)
        exports = [await bench.export({"type": "Iceberg", "config": config}) for config in (right, *wrong)]
        await bench.send(1)
        bench.clock.advance(hours=1)
        await bench.tick()
        await bench.work()
        runs = [(await bench.runs(export))[0] for export in exports]
    assert [run.status for run in runs] == ["Completed", "Failed", "Failed", "Failed"]
    assert all("Choose one in" in (run.latest_error or "") for run in runs[1:])
    assert not list(outside.rglob("*.parquet"))


class _Redirect(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


async def test_a_catalog_cannot_lead_to_a_metadata_address() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Redirect) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=[0.05]).start()
        config = {"catalog_uri": f"http://127.0.0.1:{server.server_port}", "catalog_token": "t", "namespace": "n"}
        with addresses.limited(Reach()):
            step = await checks.run_step(DESTINATIONS["Iceberg"], config, 1)
        server.shutdown()
    assert "metadata" in (step.result.message if step.result else "")
