"""Looking at the rows before exporting them."""

from tests.exports.conftest import Exporting


def test_rows_can_be_counted_and_looked_at_before(exporting: Exporting, unique: str) -> None:
    exporting.send(25, event=unique)
    destination = {"type": "NoOp", "config": {"include_events": [unique]}}
    export = exporting.create(destination)
    exporting.backfill(export, hours=1)  # waits until the events can be read
    body = {"destination": destination}
    assert exporting.call("POST", "count_rows/", json=body) == {"count": 25}
    seen = exporting.call("POST", "preview/", json=body)
    assert (seen["count"], len(seen["rows"])) == (25, 20)
    assert {row["event"] for row in seen["rows"]} == {unique}
    for model in ("persons", "sessions"):
        assert exporting.call("POST", "preview/", json={"model": model})["columns"]
