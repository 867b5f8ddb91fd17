"""The child's life: open the store, say where it listens, serve until the parent lets go.

One JSON line on standard output says how the start went: `{"port", "version", "broken_parts"}` or `{"error"}`.
The parent keeps standard input open; its end, or SIGTERM, ends the child.
"""

import argparse
import ctypes
import json
import os
import signal
import sys
import threading
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_NICE = 5  # queries must not starve the server that answers people on the same cores
_CLOSE_SECONDS = 3.0


def main() -> int:
    """Run until told to stop; the exit status."""
    arguments = _parser().parse_args()
    password = os.environ.pop("FURZE_ENGINE_PASSWORD", "")
    stop = threading.Event()
    _follow_parent(stop)
    os.nice(_NICE)

    from furze.events.engine.endpoint import Endpoint  # noqa: PLC0415 -- the parent is watched before the slow part
    from furze.events.engine.sessions import Store  # noqa: PLC0415

    try:
        store = Store(arguments.path, memory_bytes=arguments.memory_bytes)
        endpoint = Endpoint(store, arguments.port, password)
    except (RuntimeError, OSError) as error:
        _say({"error": str(error)})
        return 1
    threading.Thread(target=endpoint.serve_forever, daemon=True).start()
    _say({"port": endpoint.server_address[1], "version": _version(store), "broken_parts": store.broken_parts()})
    stop.wait()
    _close(store, endpoint)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="furze.events.engine")
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--memory-bytes", type=int, default=2 << 30)
    return parser


def _follow_parent(stop: threading.Event) -> None:
    if sys.platform == "linux":  # even a child that hangs in the engine dies with its parent
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_watch_input, args=(stop,), daemon=True).start()


def _watch_input(stop: threading.Event) -> None:
    while os.read(0, 1024):
        pass
    stop.set()


def _version(store: object) -> str:
    with store.handle() as handle:  # type: ignore[attr-defined]
        return str(handle.query("SELECT version()", "TSVRaw").bytes().decode().strip())


def _close(store: object, endpoint: object) -> None:
    # A query that does not want to stop must not keep the process: what matters is on disk already.
    timer = threading.Timer(_CLOSE_SECONDS, os._exit, args=(0,))
    timer.daemon = True
    timer.start()
    endpoint.server_close()  # type: ignore[attr-defined]
    store.close()  # type: ignore[attr-defined]
    sys.stdout.flush()
    os._exit(0)


def _say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
