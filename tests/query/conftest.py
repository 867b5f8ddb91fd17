"""One store with many random projects for the whole folder."""

from collections.abc import Iterator

import pytest
from tests.query.world import World

PROJECTS = range(101, 125)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World()
    world.open(tmp_path_factory.mktemp("store") / "events")
    world.fill(PROJECTS)
    yield world
    world.close()
