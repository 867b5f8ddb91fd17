from collections.abc import Iterator

import pytest
from tests.capture.site import Site, site


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of this test process."""
    with site(tmp_path_factory.mktemp("site")) as running:
        yield running
