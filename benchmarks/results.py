"""Where benchmarks leave their figures: one JSON file each, with the machine and versions they hold for."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def record(name: str, figures: dict[str, Any]) -> None:
    """Print the figures and write them to `results/<name>.json`."""
    machine = {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "chdb-core": version("chdb-core"),
    }
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({"figures": figures, "machine": machine}, indent=2)
    (FOLDER / f"{name}.json").write_text(text + "\n")
    print(text)
