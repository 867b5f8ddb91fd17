"""An export is verified by reading its destination again."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.exports.conftest import Exporting
from tests.exports.test_postgres import config_of, rows_of

from furze.testing.postgres import fresh_database


def verified(exporting: Exporting, export: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = exporting.call("POST", f"{export['id']}/verify/")
    return found


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {name: found[name] for name in ("missing", "extra", "doubled")}


@pytest.mark.parametrize(
    ("file_format", "compression"),
    [("Parquet", "zstd"), ("JSONLines", "gzip"), ("JSONLines", "zstd"), ("CSV", None), ("Arrow", "lz4")],
)
def test_files_as_they_were_written_match(
    exporting: Exporting, tmp_path: Path, unique: str, file_format: str, compression: str | None
) -> None:
    exporting.send(7, event=unique, properties={"text": 'a "quoted"\nline'})
    config: dict[str, Any] = {"path": str(tmp_path), "include_events": [unique]}
    config |= {"file_format": file_format, "compression": compression, "max_file_size_mb": 1}
    export = exporting.create({"type": "LocalFile", "config": config})
    exporting.backfill(export)
    found = verified(exporting, export)
    assert (found["matches"], found["rows_expected"], found["rows_found"]) == (True, 7, 7)
    assert all(run["problem"] is None for run in found["runs"])


def test_rows_that_are_lost_added_or_doubled_are_named(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    exporting.send(5, event=unique)
    export = exporting.create({"type": "LocalFile", "config": {"path": str(tmp_path), "include_events": [unique]}})
    exporting.backfill(export)
    (file,) = tmp_path.rglob("*.parquet")
    table = parquet.read_table(file)
    strange = table.slice(0, 1).set_column(0, "uuid", pa.array(["a-stranger"]))
    parquet.write_table(pa.concat_tables([table.slice(0, 4), table.slice(1, 1), strange]), file)
    found = verified(exporting, export)
    assert counts(found) == {"missing": 1, "extra": 1, "doubled": 1}
    assert found["matches"] is False
    assert found["examples"]["missing"] == [table.column("uuid")[4].as_py()]
    assert found["examples"]["extra"] == ["a-stranger"]
    assert found["examples"]["doubled"] == [table.column("uuid")[1].as_py()]
    file.write_bytes(b"PAR1 not any more")
    (run,) = [run for run in verified(exporting, export)["runs"] if run["rows_expected"]]
    assert "cannot be read" in run["problem"]
    file.unlink()
    (run,) = [run for run in verified(exporting, export)["runs"] if run["rows_expected"]]
    assert (run["missing"], file.name in run["problem"]) == (5, True)


def test_a_table_is_verified_as_a_whole(exporting: Exporting, postgres: str, unique: str) -> None:
    database = fresh_database(postgres)
    exporting.send(6, event=unique)
    export = exporting.create({"type": "Postgres", "config": config_of(database, include_events=[unique])})
    exporting.backfill(export)
    assert verified(exporting, export)["matches"] is True
    rows_of(database, "ALTER TABLE events DROP CONSTRAINT IF EXISTS events_uuid_key")
    rows_of(database, "INSERT INTO events (uuid, team_id) SELECT uuid, team_id FROM events LIMIT 2")
    rows_of(database, "INSERT INTO events (uuid, team_id) VALUES ('a-stranger', 1), ('of-another-project', 2)")
    assert counts(verified(exporting, export)) == {"missing": 0, "extra": 1, "doubled": 2}
    rows_of(database, "DELETE FROM events WHERE uuid IN (SELECT min(uuid) FROM events WHERE event IS NOT NULL)")
    assert verified(exporting, export)["missing"] == 1


def test_rows_without_a_uuid_are_counted(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    exporting.send(3, event=unique)
    query = f"SELECT event, count() AS n FROM events WHERE event = '{unique}' GROUP BY event"
    destination = {"type": "LocalFile", "config": {"path": str(tmp_path)}}
    export = exporting.create(destination, model="hogql", hogql_query=query)
    exporting.backfill(export)
    found = verified(exporting, export)
    assert (found["matches"], found["rows_found"] > 0) == (True, True)
    next(tmp_path.rglob("*.parquet")).unlink()
    assert verified(exporting, export)["missing"] == 1


def test_what_cannot_be_read_back_is_refused(exporting: Exporting) -> None:
    export = exporting.create({"type": "NoOp"})
    answer = exporting.furze.client.post(exporting.furze.api(f"batch_exports/{export['id']}/verify/"))
    assert answer.status_code == 400
    assert "cannot be read back" in answer.json()["detail"]
