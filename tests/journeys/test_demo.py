"""`furze demo`, as a new user runs it: the whole story on an empty folder, then again, then stopped."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import pytest

pytestmark = [pytest.mark.journey, pytest.mark.timeout(200)]


def furze_demo(data: Path) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FURZE_")}
    command = [sys.executable, "-m", "furze", "demo", "--data", str(data), "--port", "0", "--events", "3000", "--stay"]
    return subprocess.Popen(
        command, env=environment | {"COLUMNS": "200"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def story(demo: subprocess.Popen[str]) -> str:
    """What the demo printed until it stays up."""
    assert demo.stdout is not None
    lines: list[str] = []
    for line in demo.stdout:
        lines.append(line)
        if "stays up" in line:
            return "".join(lines)
    raise AssertionError("the demo ended:\n" + "".join(lines))


def test_the_demo_tells_its_story_again_from_what_is_there_and_takes_its_server_along(tmp_path: Path) -> None:
    with furze_demo(tmp_path) as demo:
        first = story(demo)
        url = re.search(r"ready at (http\S+)", first)
        assert url is not None
        assert re.search(r"Completed: [\d,]+ events in \d+ Parquet files", first)
        assert first.count("? ") >= 3
        assert "The best customer" in first
        assert httpx.get(f"{url[1]}/_readiness").status_code == 200
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(30) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url[1]}/_readiness")
    with furze_demo(tmp_path) as demo:
        second = story(demo)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0
    assert "events of an earlier start are still here" in second
    assert "The export of an earlier start is still here" in second
