"""The real server as a child process."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx2 as httpx

PERSONAL_KEY, PROJECT_KEY = "phx_journey", "phc_journey"


class FurzeProcess:
    """`furze serve` on a folder, ready when entered; `kill` is kill -9."""

    def __init__(
        self, data: Path, *, keys: tuple[str, str] | None = (PERSONAL_KEY, PROJECT_KEY), **environment: str
    ) -> None:
        self._data = data
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("FURZE_")}
        self._environment |= environment
        if keys:
            self._environment |= {"FURZE_PERSONAL_API_KEY": keys[0], "FURZE_PROJECT_API_KEY": keys[1]}
        self._printed: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
        self.seconds_to_ready = 0.0
        self.process: subprocess.Popen[str]
        self.client: httpx.Client

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.client.close()
        self._printed.close()

    def start(self) -> None:
        """Start and wait until ready."""
        began = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            command(self._data, 0), env=self._environment, stdout=self._printed, stderr=subprocess.STDOUT, text=True
        )
        deadline = time.monotonic() + 60
        while not (ready := [line for line in self.output() if " is ready at " in line]):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("furze did not start:\n" + "\n".join(self.output()))
            time.sleep(0.05)
        self.url = ready[-1].split()[-1]
        self.seconds_to_ready = time.monotonic() - began
        headers = {"Authorization": f"Bearer {PERSONAL_KEY}"}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self.process.kill()
        self.process.wait(30)
        self.client.close()

    def restart(self) -> None:
        """Start again on the same folder, after `kill`."""
        self._printed.seek(0)
        self._printed.truncate()
        self.start()

    def output(self) -> list[str]:
        """The lines printed so far."""
        size = os.fstat(self._printed.fileno()).st_size
        return os.pread(self._printed.fileno(), size, 0).decode().splitlines()

    @staticmethod
    def refusal(data: Path, *, port: int = 0) -> str:
        """What a start that must fail prints on stderr."""
        done = subprocess.run(  # noqa: S603 - our own command
            command(data, port), capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode == 0:
            raise AssertionError("furze started, and stopped by itself, though it was to refuse")
        return done.stderr


def command(data: Path, port: int) -> list[str]:
    """The command line of a server."""
    return [sys.executable, "-m", "furze", "serve", "--data", str(data), "--port", str(port)]
