"""The real process: starting, refusing to start, and starting again."""

import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from furze.testing.process import FurzeProcess

pytestmark = pytest.mark.journey


def test_the_first_start_prints_two_keys_once_and_they_work(tmp_path: Path) -> None:
    with FurzeProcess(tmp_path, keys=None) as first:
        personal = next(line for line in first.output() if "Personal API key" in line).split()[3]
        assert personal.startswith("phx_")
        headers = {"Authorization": f"Bearer {personal}"}
        assert first.client.get("/api/projects/1/", headers=headers).status_code == 200
    with FurzeProcess(tmp_path, keys=None) as second:
        assert not any("API key" in line for line in second.output())
        assert second.client.get("/api/projects/1/", headers=headers).status_code == 200


def test_a_folder_in_use_is_named_and_the_first_process_goes_on(tmp_path: Path) -> None:
    with FurzeProcess(tmp_path) as running:
        refused = FurzeProcess.refusal(tmp_path)
        assert refused.startswith(f"furze: {str(tmp_path)!r} is in use by another furze process. Stop it")
        assert running.client.get("/_readiness").status_code == 200


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port} on 127.0.0.1 is in use" in FurzeProcess.refusal(tmp_path, port=port)


def test_a_corrupt_database_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "furze.db").write_bytes(b"this is no database" * 400)
    refused = FurzeProcess.refusal(tmp_path)
    assert f"the database {str(tmp_path / 'furze.db')!r} can't be read" in refused
    assert "Restore a backup" in refused
    assert "Traceback" not in refused


def test_a_corrupt_ingest_queue_is_named_and_nothing_else_is_touched(tmp_path: Path) -> None:
    with FurzeProcess(tmp_path):
        pass
    (tmp_path / "queue.db").write_bytes(b"this is no database" * 400)
    for file in ("queue.db-wal", "queue.db-shm"):
        (tmp_path / file).unlink(missing_ok=True)
    refused = FurzeProcess.refusal(tmp_path)
    assert "queue.db" in refused
    assert "Traceback" not in refused
    assert sqlite3.connect(tmp_path / "furze.db").execute("SELECT count(*) FROM project").fetchone() == (1,)


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    refused = FurzeProcess.refusal(file)
    assert str(file) in refused
    assert "Traceback" not in refused


def test_a_forgotten_password_is_set_anew_on_the_machine_itself(tmp_path: Path) -> None:
    def run(email: str, password: str, data: Path = tmp_path) -> tuple[int, str]:
        command = [sys.executable, "-m", "furze", "password", email, "--data", str(data)]
        typed = f"{password}\n{password}\n"
        done = subprocess.run(command, input=typed, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    with FurzeProcess(tmp_path) as running:
        assert run("owner@localhost", "correct horse battery")[0] == 0
        body = {"email": "owner@localhost", "password": "correct horse battery"}
        assert running.client.post("/api/login/", json=body).status_code == 200
        for email, password, said in (
            ("nobody@localhost", "correct horse battery", "nobody has the email address"),
            ("owner@localhost", "short", "too short"),
        ):
            code, text = run(email, password)
            assert (code, said in text, "Traceback" in text) == (1, True, False), text
    assert "no furze was ever started in" in run("owner@localhost", "correct horse battery", tmp_path / "none")[1]
    assert not (tmp_path / "none").exists()
