"""Where a server lets its exports go."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.exports.bench import Bench, new_bench, opened

from furze.exports import addresses, checks, ticker
from furze.exports.addresses import Reach
from furze.exports.destination import Reject
from furze.exports.destinations import DESTINATIONS
from furze.exports.integrations import KINDS, joined
from furze.exports.types import Integration
from furze.platform.secrets import SecretBox, secret_key


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with opened(tmp_path) as engine:
        yield await new_bench(engine)


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "::1", "::ffff:10.0.0.1", "/run/postgresql"])
async def test_private_addresses_are_refused_where_the_server_forbids_them(host: str) -> None:
    await addresses.check_host(host)
    with addresses.limited(Reach(private_addresses=False)):
        await addresses.check_host("1.1.1.1")
        with pytest.raises(Reject, match="forbids"):
            await addresses.check_host(host)


@pytest.mark.parametrize("host", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "100.100.100.200"])
async def test_metadata_addresses_are_always_refused(host: str) -> None:
    with pytest.raises(Reject, match="metadata"):
        await addresses.check_host(host)


async def test_a_run_keeps_to_the_allowed_folders_wherever_a_link_leads(bench: Bench, tmp_path: Path) -> None:
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    allowed.mkdir()
    outside.mkdir()
    (allowed / "link").symlink_to(outside)
    ticker.register(replace(bench.engine, reach=Reach(folders=(allowed,))))
    places = [allowed / "in", outside, allowed / "link", allowed / ".." / "outside"]
    exports: list[Any] = [await bench.export({"type": "LocalFile", "config": {"path": str(place)}}) for place in places]
    await bench.send(1)
    bench.clock.advance(hours=1)
    await bench.tick()
    await bench.work()
    runs = [(await bench.runs(export))[0] for export in exports]
    assert [run.status for run in runs] == ["Completed", "Failed", "Failed", "Failed"]
    assert "Choose one in" in (runs[1].latest_error or "")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(("kind", "destination"), [("snowflake", "Snowflake"), ("databricks", "Databricks")])
def test_an_address_that_an_integration_leaves_open_is_not_the_exports_to_name(
    tmp_path: Path, kind: str, destination: str
) -> None:
    integration = Integration(1, 1, kind, "n", {"account": "acme"}, None, None, datetime.now(UTC))
    own = {"endpoint_url": "https://elsewhere.example", "table_name": "events"}
    assert destination in KINDS[kind].destinations
    inputs = joined(integration, own, SecretBox(secret_key(tmp_path)))
    assert inputs == {"account": "acme", "table_name": "events"}


async def test_a_delta_table_keeps_to_the_allowed_folders_too(bench: Bench, tmp_path: Path) -> None:
    pytest.importorskip("deltalake", reason="NOT TESTED: Delta needs `pip install furze[delta]`")
    outside = tmp_path / "outside"
    destination = {"type": "Delta", "config": {"uri": str(outside / "events")}}
    with addresses.limited(Reach(folders=(tmp_path / "allowed",))):
        steps = [await checks.run_step(DESTINATIONS["Delta"], destination["config"], number) for number in (1, 2)]
    assert all("Choose one in" in (step.result.message or "") for step in steps if step.result)
    ticker.register(replace(bench.engine, reach=Reach(folders=(tmp_path / "allowed",))))
    export = await bench.export(destination)
    await bench.send(1)
    bench.clock.advance(hours=1)
    await bench.tick()
    await bench.work()
    (run,) = await bench.runs(export)
    assert (run.status, "Choose one in" in (run.latest_error or "")) == ("Failed", True)
    assert not outside.exists()
