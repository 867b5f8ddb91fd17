"""A real engine with the real schema and the rows of two projects."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from furze.events.schema import DATABASE, tables
from furze.hogql import compile_query

OURS, THEIRS = 1, 2
ANN = "01890000-0000-7000-8000-000000000001"
BEN = "01890000-0000-7000-8000-000000000002"
OLD_ANN = "01890000-0000-7000-8000-000000000009"


def _escaped(parameters: dict[str, object]) -> dict[str, str]:
    """Parameters as the ClickHouse HTTP interface wants them; clickhouse-connect does the same."""
    table = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})
    return {name: str(value).translate(table) for name, value in parameters.items()}


@dataclass
class Engine:
    process: subprocess.Popen[str]

    def run(self, sql: str, parameters: dict[str, object] | None = None) -> list[list[object]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"sql": sql, "parameters": _escaped(parameters or {})}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise AssertionError(f"{answer['error'][:1500]}\n{sql}\n{parameters}")
        return answer["data"]["data"] if answer["data"] else []

    def ask(self, hogql, *, team_id: int = OURS, **options) -> list[list[object]]:
        compiled = compile_query(hogql, team_id=team_id, **options)
        return self.run(compiled.sql + " SETTINGS readonly = 2", compiled.parameters)


def _event(team: int, number: int, event: str, distinct_id: str, person: str, time: str, properties: dict) -> str:
    person_properties = json.dumps({"email": f"{distinct_id}@example.com", "plan": "pro", "age": 30 + number})
    row = {
        "team_id": team, "uuid": f"01900000-0000-7000-8000-{team:04d}{number:08d}", "event": event,
        "distinct_id": distinct_id, "person_id": person, "timestamp": time, "created_at": time, "position": number,
        "properties": json.dumps(properties), "person_properties": person_properties,
        "person_created_at": "2026-01-01 00:00:00", "elements_chain": 'a.link:href="/x"text="Buy"attr_id="buy";',
        "$group_0": "acme" if number % 2 else "",
    }  # fmt: skip
    return json.dumps(row)


def _rows(team: int) -> Iterator[str]:
    secret = "ours" if team == OURS else "THEIRS"
    pages = ["/", "/pricing", "/docs", "/signup"]
    for number, page in enumerate(pages, start=1):
        distinct_id = "ann" if number < 4 else "ben"
        yield _event(
            team, number, "$pageview", distinct_id, OLD_ANN if distinct_id == "ann" else BEN,
            f"2026-03-0{number} 10:0{number}:00",
            {"$browser": ["Chrome", "Safari", "Chrome", "Firefox"][number - 1], "$current_url": f"https://x.test{page}",
             "$pathname": page, "$session_id": f"s{(number + 1) // 2}", "price": number * 10, "secret": secret,
             "paid": number > 2, "nested": {"a": {"b": number}}, "tags": ["x", "y"], "when": "2026-02-01T00:00:00Z",
             "utm_source": "newsletter"},
        )  # fmt: skip
    yield _event(team, 5, "purchase", "ann", OLD_ANN, "2026-03-05 09:00:00", {"price": "12.5", "secret": secret})
    yield _event(team, 6, "$autocapture", "ben", BEN, "2026-03-05 23:30:00", {"$session_id": "s2", "secret": secret})


def _statements() -> Iterator[str]:
    yield f"CREATE DATABASE {DATABASE} ENGINE = Atomic"
    yield from tables()
    for team in (OURS, THEIRS):
        yield f"INSERT INTO {DATABASE}.events FORMAT JSONEachRow " + "\n".join(_rows(team))
        people = [(ANN, "ann"), (BEN, "ben")]
        for version, (person, name) in enumerate(people, start=1):
            properties = json.dumps({"email": f"{name}@example.com", "age": 40, "team": team})
            yield (
                f"INSERT INTO {DATABASE}.person "
                "(team_id, id, properties, created_at, last_seen_at, is_identified, version) "
                f"VALUES ({team}, '{person}', '{properties}', '2026-01-0{version}', '2026-03-05', 1, 1), "
                f"({team}, '{person}', '{properties}', '2026-01-0{version}', '2026-03-06', 1, 2)"
            )
            yield (
                f"INSERT INTO {DATABASE}.person_distinct_id "
                "(team_id, distinct_id, person_id, is_deleted, is_overridden, version) "
                f"VALUES ({team}, '{name}', '{person}', 0, {int(name == 'ann')}, 1)"
            )
        yield (
            f"INSERT INTO {DATABASE}.person (team_id, id, properties, is_deleted, version) "
            f"VALUES ({team}, '{OLD_ANN}', '{{}}', 1, 3)"
        )
        yield (
            f"INSERT INTO {DATABASE}.groups "
            "(team_id, group_type_index, group_key, group_properties, created_at, version) "
            f"""VALUES ({team}, 0, 'acme', '{{"name": "Acme {team}", "seats": 7}}', '2026-01-01', 1)"""
        )


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    script = Path(__file__).with_name("engine_process.py")
    directory = tmp_path_factory.mktemp("hogql-engine")
    process = subprocess.Popen(
        [sys.executable, str(script), str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    started = Engine(process)
    for statement in _statements():
        started.run(statement)
    yield started
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.wait(timeout=30)
    process.stdout.close()
