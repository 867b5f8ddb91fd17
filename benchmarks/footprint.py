"""What furze weighs: seconds from start to ready, memory of the idle process tree, size of the install.

Memory is the proportional set size (PSS): pages that processes share are counted once.
"""

import re
import statistics
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, PackagePath, distribution
from pathlib import Path

from furze.testing.process import FurzeProcess
from results import record

ROUNDS = 3
IDLE_SECONDS = 8


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in tree(int(child)))]


def proportional_megabytes(pid: int) -> float:
    """The PSS of one process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def installed_megabytes() -> float:
    """The size on disk of furze and everything it requires, extras and development tools left out."""
    wanted, found = ["furze"], {}
    while wanted:
        name = wanted.pop()
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # for another platform, or overridden away by the lock file
        if package.name not in found:
            found[package.name] = sum(size(each) for each in package.files or ())
            wanted += [
                re.split(r"[^\w.-]", need, maxsplit=1)[0] for need in package.requires or () if "extra ==" not in need
            ]
    return sum(found.values()) / 1e6


def size(file: PackagePath) -> int:
    """Bytes on disk; compiled files that are not there yet count as nothing."""
    path = Path(str(file.locate()))
    return path.stat().st_size if path.is_file() else 0


def main() -> None:
    """Measure and record."""
    seconds, megabytes = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder, FurzeProcess(Path(folder)) as furze:
            seconds.append(furze.seconds_to_ready)
            time.sleep(IDLE_SECONDS)
            megabytes.append(sum(map(proportional_megabytes, tree(furze.process.pid))))
    figures = {
        "ready_seconds": round(min(seconds), 2),
        "ready_seconds_all": [round(each, 2) for each in seconds],
        "idle_tree_pss_mb": round(statistics.median(megabytes)),
        "installed_mb": round(installed_megabytes()),
    }
    record("footprint", figures)


if __name__ == "__main__":
    sys.exit(main())
