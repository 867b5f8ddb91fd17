"""Exports into Azure Blob containers, on Azurite, Microsoft's own emulator."""

import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import AzureStore
from tests.exports.conftest import Exporting, uuids_in
from tests.exports.destinations.conftest import Steps, deliver, failure
from tests.exports.destinations.stand_ins import node_program

from furze.exports.object_store import translated

pytestmark = pytest.mark.timeout(400)  # the first run fetches its server

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # the emulator's own


@dataclass
class Azurite:
    """A running emulator."""

    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def to(self, container: str, *, key: str = KEY, endpoint: str | None = None, **more: Any) -> dict[str, Any]:
        text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};"
        text += f"BlobEndpoint={endpoint or self.endpoint};"
        return {"type": "AzureBlob", "config": {"container_name": container, "connection_string": text} | more}

    def store(self, container: str) -> AzureStore:
        options: Any = {"allow_http": True}
        return AzureStore(
            container, account_name=ACCOUNT, account_key=KEY, endpoint=self.endpoint, client_options=options
        )


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    program = node_program("azurite-blob", "azurite@3.37")
    folder = tmp_path_factory.mktemp("azurite")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port), "-l", str(folder), "--silent"]
    command += ["--skipApiVersionCheck", "--disableTelemetry"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        _wait_for(port)
        yield Azurite(port)
        server.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("Azurite did not start")


@pytest.fixture
def container(azurite: Azurite, unique: str) -> str:
    name = f"c{unique[-12:]}"
    made = _signed(azurite, name)
    assert made == 201
    return name


def _signed(azurite: Azurite, name: str) -> int:
    """Create a container: what the status of the answer is."""
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415
    from email.utils import formatdate  # noqa: PLC0415

    import httpx2 as httpx  # noqa: PLC0415

    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    listed = "".join(f"{key}:{value}\n" for key, value in sorted(headers.items()))
    resource = f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    text = f"PUT{chr(10) * 12}{listed}{resource}"
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{signature}"
    return httpx.put(f"{azurite.endpoint}/{name}?restype=container", headers=headers).status_code


def downloaded(store: Any, folder: Path) -> Path:
    for page in obstore.list(store):
        for found in page:
            file = folder / found["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(obstore.get(store, found["path"]).bytes())
    return folder


@pytest.mark.parametrize("file_format", ["JSONLines", "Parquet"])
def test_each_event_is_in_the_container_once(
    exporting: Exporting, azurite: Azurite, container: str, unique: str, tmp_path: Path, *, file_format: str
) -> None:
    sent = exporting.send(60, event=unique)
    destination = azurite.to(container, prefix="{table}/{year}", file_format=file_format, include_events=[unique])
    export = deliver(exporting, destination)
    assert "connection_string" not in export["destination"]["config"]
    assert sorted(uuids_in(downloaded(azurite.store(container), tmp_path))) == sorted(sent)
    assert all(file.startswith("events/20") for file in export["run"]["files"])


def test_each_test_step_says_what_to_mend(azurite: Azurite, container: str, steps: Steps) -> None:
    assert [step["status"] for step in steps(azurite.to(container))] == ["Passed", "Passed"]
    wrong_key = "bm90LXRoZS1rZXk="
    mistakes = [
        (azurite.to("nowhere"), "does not exist"),
        (azurite.to(container, key=wrong_key), "refuses"),
        (azurite.to(container, key="not base64!"), "is not understood"),
        (azurite.to(container, endpoint="http://nowhere.invalid/a"), "not known"),
        (azurite.to(container, endpoint="http://169.254.169.254/a"), "metadata"),
        (azurite.to(container, connection_string="AccountKey=abcd"), "names no account"),
        (azurite.to(container, connection_string="AccountName=abcd"), "neither AccountKey nor"),
    ]
    for destination, words in mistakes:
        path_result = _first(steps, destination)
        assert words in path_result
        assert wrong_key not in path_result


def _first(steps: Steps, destination: dict[str, Any]) -> str:
    try:
        return str(steps(destination)[-1]["message"])
    except AssertionError as refused:
        return str(refused)  # a config that is wrong by itself is refused before any step


def test_a_run_into_a_missing_container_fails_at_once(exporting: Exporting, azurite: Azurite, unique: str) -> None:
    exporting.send(1, event=unique)
    assert "does not exist" in failure(exporting, azurite.to("nowhere", include_events=[unique]))


def test_the_signature_of_a_shared_address_is_told_to_nobody() -> None:
    said = "Error performing GET https://a.blob.core.windows.net/c?comp=list&sig=hidden%3D&sv=2021 in 1ms"
    for error in (translated(OSError(said)), translated(PermissionError(said))):
        assert "hidden" not in str(error)
        assert "sv=2021" in str(error)
