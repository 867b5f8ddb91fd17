"""Exports into a folder."""

from pathlib import Path

from tests.exports.conftest import Exporting, uuids_in


def test_a_backfill_writes_each_event_once(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    sent = exporting.send(50, event=unique)
    export = exporting.create({"type": "LocalFile", "config": {"path": str(tmp_path), "include_events": [unique]}})
    backfill = exporting.backfill(export)
    assert backfill["status"] == "Completed"
    assert backfill["total_records_count"] == 50
    assert sorted(uuids_in(tmp_path)) == sorted(sent)
