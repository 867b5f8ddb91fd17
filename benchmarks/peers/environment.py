"""An environment with the peers, installed once beside ours: their requirements must never meet furze's."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(sys.prefix) / "bench-peers"
REQUIREMENTS = (
    "dlt[filesystem,postgres,parquet]==1.31.0",
    "s3fs",
    "numpy",
    "pyarrow",
    "duckdb==1.5.5",
    "duckdb-extensions",
    "duckdb-extension-httpfs==1.5.5",
    "sling-linux-amd64==1.4.11",
)


def python() -> str:
    """The interpreter of the peers' environment."""
    program = FOLDER / "bin" / "python"
    if not (FOLDER / "complete").exists():
        uv = str(Path(sys.prefix) / "bin" / "uv")
        # Not in the repository's folder, whose settings for uv leave numpy out.
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(FOLDER)], check=True, cwd="/")
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(program), *REQUIREMENTS], check=True, cwd="/")
        extension = "from duckdb_extensions import import_extension; import_extension('httpfs')"
        subprocess.run([str(program), "-c", extension], check=True)
        (FOLDER / "complete").touch()
    return str(program)


def sling() -> str:
    """The sling program."""
    python()
    return str(next(FOLDER.glob("lib/python3*/site-packages/sling_linux_amd64/bin/sling-linux-amd64")))
