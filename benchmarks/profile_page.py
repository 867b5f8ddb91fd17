"""What a profile page costs: all tiles of a person with 10,000 events, and of a group, among millions of events.

    python benchmarks/profile_page.py [--events 5000000] [--rounds 9]

The person has an anonymous past that was merged in, so that every tile has to follow a merge. Each tile is also timed
alone, which says where the time of a page goes; a page asks for all its tiles at the same time.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import httpx2 as httpx

from furze.events.clickhouse import ClickHouse
from furze.events.embedded import EmbeddedEngine
from furze.identity.roster import person_uuid
from furze.testing.process import PERSONAL_KEY, PROJECT_KEY, FurzeProcess
from results import record

PERSON, ANONYMOUS, COMPANY = "whale", "whale-before", "acme"
CHUNK = 500_000
#: One event in so many is the person's; half of those carry the anonymous id.
SHARE = 500

FILL = """
INSERT INTO furze.events (team_id, uuid, event, distinct_id, person_id, timestamp, created_at, position, `$group_0`,
    properties)
SELECT 1, generateUUIDv4(),
    multiIf(intDiv(number, {share}) % 100 = 7, '$exception', intDiv(number, {share}) % 100 = 13, '$ai_generation',
        number % 3 = 0, '$pageview',
        concat('e', toString(number % 20))),
    multiIf(number % {share} != 0, concat('u', toString(cityHash64(number) % 50000)),
        number % (2 * {share}) = 0, '{person}', '{anonymous}'),
    multiIf(number % {share} != 0,
        toUUID(concat('00000000-0000-0000-0000-', leftPad(toString(cityHash64(number) % 50000), 12, '0'))),
        number % (2 * {share}) = 0, toUUID('{person_uuid}'), toUUID('{anonymous_uuid}')),
    now64(6) - toIntervalSecond(cityHash64(number, 1) % (90 * 86400)), now64(6), number + 1000000,
    if(number % 50 = 0, '{company}', concat('c', toString(number % 1000))),
    concat('{"$browser":"', ['Chrome', 'Safari', 'Firefox'][number % 3 + 1], '","plan":"',
        ['free', 'pro'][number % 2 + 1], '","$current_url":"https://example.com/', toString(number % 500),
        '","$session_id":"', toString(intDiv(number, 5000)), '","price":', toString(number % 100),
        ',"$ai_trace_id":"t', toString(number % 997), '","$exception_list":[{"type":"E', toString(number % 7),
        '","value":"wrong"}],"padding":"', repeat(hex(cityHash64(number, 2)), 12), '"}')
FROM numbers({first}, {count})"""


async def measure(events: int, rounds: int) -> dict[str, object]:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedEngine(Path(folder) / "events") as engine:
            store = ClickHouse(engine.url)
            await store.ensure_schema()
            values = {
                "share": SHARE,
                "person": PERSON,
                "anonymous": ANONYMOUS,
                "company": COMPANY,
                "person_uuid": person_uuid(1, PERSON),
                "anonymous_uuid": person_uuid(1, ANONYMOUS),
            }
            for first in range(0, events, CHUNK):
                text = FILL
                for name, value in {**values, "first": first, "count": min(CHUNK, events - first)}.items():
                    text = text.replace(f"{{{name}}}", str(value))
                await store.execute(text)
            figures = await asyncio.to_thread(_measure_pages, engine.url, Path(folder), rounds)
            await store.close()
    return {"events": events, "of_the_person": events // SHARE, **figures}


def _measure_pages(engine_url: str, folder: Path, rounds: int) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {PERSONAL_KEY}"}
    with (
        FurzeProcess(folder / "server", FURZE_CLICKHOUSE_URL=engine_url) as furze,
        httpx.Client(base_url=f"{furze.url}/api/projects/1/", headers=headers, timeout=120) as client,
    ):
        _make_known(client, furze.url)
        pages = {"person": f"customer_profiles/person/{PERSON}/", "group": f"customer_profiles/group/0/{COMPANY}/"}
        return {
            name: {
                "page_ms": _milliseconds(client, path, rounds),
                "tile_alone_ms": _tiles(client, "person" if name == "person" else "group_0", path, max(3, rounds // 3)),
            }
            for name, path in pages.items()
        }


def _make_known(client: httpx.Client, url: str) -> None:
    group = {"$group_type": "company", "$group_key": COMPANY, "$group_set": {"name": "Acme"}}
    events = [
        {"event": "$groupidentify", "distinct_id": "$company_acme", "properties": group},
        {"event": "seen", "distinct_id": ANONYMOUS, "properties": {}},
        {"event": "seen", "distinct_id": PERSON, "properties": {"$set": {"email": "whale@acme.io"}}},
        {"event": "$identify", "distinct_id": PERSON, "properties": {"$anon_distinct_id": ANONYMOUS}},
    ]
    batch = [{"uuid": str(uuid4()), **event} for event in events]
    httpx.post(f"{url}/batch/", json={"api_key": PROJECT_KEY, "batch": batch}).raise_for_status()
    while client.get(f"customer_profiles/person/{ANONYMOUS}/").status_code != httpx.codes.OK:
        time.sleep(0.1)
    views = {"name": "Views", "interval": 30, "filters": {"events": [{"id": "$pageview"}]}}
    client.post("groups_types/0/metrics/", json=views).raise_for_status()


def _tiles(client: httpx.Client, scope: str, path: str, rounds: int) -> dict[str, object]:
    tiles = client.get(path).json()
    config = client.post("customer_profile_configs/", json={"scope": scope, "sidebar": []}).json()
    figures: dict[str, object] = {}
    for tile in [*tiles["content"], *tiles["sidebar"]]:
        node = {"type": tile["type"], "attrs": {"type": tile["attrs"].get("type")}}
        client.patch(f"customer_profile_configs/{config['id']}/", json={"content": [node]}).raise_for_status()
        figures[tile["type"]] = tile["reason"] or _milliseconds(client, path, rounds)["p50"]
    client.delete(f"customer_profile_configs/{config['id']}/")
    return figures


def _milliseconds(client: httpx.Client, path: str, rounds: int) -> dict[str, float]:
    took = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        client.get(path).raise_for_status()
        took.append((time.perf_counter() - begun) * 1000)
    took = sorted(took[1:])
    return {"p50": round(statistics.median(took), 1), "max": round(took[-1], 1)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    record("profile_page", asyncio.run(measure(options.events, options.rounds)))
