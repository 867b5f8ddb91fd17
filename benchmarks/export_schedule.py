"""What five hundred exports cost a server that waits, and how it takes fifty that are due at once.

    python benchmarks/export_schedule.py

The baseline is the same server without exports, in the same run. Then fifty exports of every 5 minutes meet a real
boundary (up to five minutes to wait), each with 2,000 rows for a folder; runs begin a minute after it, when late
events are in.
"""

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from furze.testing.process import PROJECT_KEY, FurzeProcess
from results import record

EXPORTS, DUE, ROWS, SECONDS = 500, 50, 2_000, 30


def cpu_seconds(furze: FurzeProcess) -> float:
    """What the server's process has used so far."""
    fields = Path(f"/proc/{furze.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def share_of_a_core(furze: FurzeProcess) -> float:
    """The part of a core that the waiting server takes, in percent."""
    before, began = cpu_seconds(furze), time.monotonic()
    time.sleep(SECONDS)
    return 100 * (cpu_seconds(furze) - before) / (time.monotonic() - began)


def create(furze: FurzeProcess, number: int, interval: str, folder: Path) -> str:
    """An export; its id."""
    config = {"path": str(folder / str(number)), "file_format": "JSONLines", "compression": None}
    body = {"name": f"export {number}", "interval": interval, "destination": {"type": "LocalFile", "config": config}}
    answer = furze.client.post("/api/projects/1/batch_exports/", json=body)
    assert answer.status_code == 201, answer.text
    created: str = answer.json()["id"]
    return created


def runs_of(furze: FurzeProcess, export_id: str) -> list[dict[str, object]]:
    """The runs of an export with rows, ended ones only."""
    found = furze.client.get(f"/api/projects/1/batch_exports/{export_id}/runs/").json()["results"]
    return [run for run in found if run["status"] not in ("Starting", "Running") and run["records_completed"]]


def main() -> None:
    """Measure and record."""
    with tempfile.TemporaryDirectory() as folder, FurzeProcess(Path(folder) / "data") as furze:
        time.sleep(5)
        without = share_of_a_core(furze)
        due = [create(furze, number, "every 5 minutes", Path(folder)) for number in range(DUE)]
        for number in range(DUE, EXPORTS):
            create(furze, number, "hour", Path(folder))
        time.sleep(5)
        waiting = share_of_a_core(furze)
        batch = [{"event": "seen", "distinct_id": f"p{n % 50}", "uuid": str(uuid4())} for n in range(ROWS)]
        assert furze.client.post("/batch/", json={"api_key": PROJECT_KEY, "batch": batch}).status_code == 200
        deadline = time.monotonic() + 600
        while not all(runs_of(furze, export_id) for export_id in due):
            assert time.monotonic() < deadline, "not every export that was due has run"
            time.sleep(2)
        runs = [runs_of(furze, export_id)[-1] for export_id in due]
    assert {(run["status"], run["records_completed"]) for run in runs} == {("Completed", ROWS)}
    created = min(datetime.fromisoformat(str(run["created_at"])) for run in runs)
    finished = max(datetime.fromisoformat(str(run["finished_at"])) for run in runs)
    figures = {
        "exports": EXPORTS,
        "percent_of_a_core_without_exports": round(without, 2),
        "percent_of_a_core_with_exports": round(waiting, 2),
        "percent_of_a_core_for_ticking": round(waiting - without, 2),
        "due_at_once": DUE,
        "rows_each": ROWS,
        "completed": len(runs),
        "seconds_from_the_first_planned_to_the_last_completed": round((finished - created).total_seconds(), 1),
        "measured_at": datetime.now(UTC).isoformat(timespec="minutes"),
    }
    record("export_schedule", figures)


if __name__ == "__main__":
    sys.exit(main())
