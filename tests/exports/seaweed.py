"""A real S3 server for tests: SeaweedFS."""

import json
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import obstore
from obstore.store import S3Store

_PORTS = (
    *("master.port", "volume.port", "filer.port", "s3.port"),
    "s3.port.iceberg",
    *("master.port.grpc", "volume.port.grpc", "filer.port.grpc", "s3.port.grpc"),
)


@dataclass
class Seaweed:
    """A running server with one user who may do everything and one who may only look."""

    endpoint: str
    #: Where its Iceberg REST catalog is, and how its shell finds it.
    catalog: str = ""
    master: str = ""

    def config(self, bucket: str, **more: Any) -> dict[str, Any]:
        """The inputs of an S3 destination here."""
        return {
            "bucket_name": bucket,
            "region": "us-east-1",
            "prefix": "",
            "endpoint_url": self.endpoint,
            "aws_access_key_id": "ak",
            "aws_secret_access_key": "secret-of-ak",
        } | more

    def new_table_bucket(self, name: str) -> str:
        """A bucket for Iceberg tables: the catalog's name for it."""
        command = f"s3tables.bucket -create -name {name} -account a\nexit\n"
        shell: Any = {"input": command, "text": True, "capture_output": True, "timeout": 60}
        made = subprocess.run([_program(), "shell", f"-master={self.master}"], check=True, **shell)
        assert "ARN" in made.stdout, made.stdout + made.stderr
        return f"s3://{name}"

    def store(self, bucket: str) -> S3Store:
        """A client."""
        return S3Store(
            bucket,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id="ak",
            secret_access_key="secret-of-ak",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )

    def new_bucket(self, name: str) -> str:
        """An empty bucket."""
        assert self.put_bucket(name) == httpx.codes.OK
        return name

    def put_bucket(self, name: str) -> int:
        """What the server answers to the wish for a bucket."""
        url = obstore.sign(self.store(name), "PUT", "", timedelta(minutes=1))
        return httpx.put(url, timeout=5).status_code

    def download(self, bucket: str, folder: Path) -> Path:
        """Every object as a file below a folder."""
        store = self.store(bucket)
        for page in obstore.list(store):
            for found in page:
                file = folder / found["path"]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(obstore.get(store, found["path"]).bytes())
        return folder


@contextmanager
def seaweed(folder: Path, *, volume_megabytes: int = 16) -> Iterator[Seaweed]:
    """A server that keeps its data in a folder, in volumes of a size."""
    everything, looking = ["Admin", "Read", "Write", "List", "Tagging"], ["Read", "List"]
    identities = [
        {"name": "a", "credentials": [{"accessKey": "ak", "secretKey": "secret-of-ak"}], "actions": everything},
        {"name": "r", "credentials": [{"accessKey": "rk", "secretKey": "secret-of-rk"}], "actions": looking},
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    server, ports = _running(folder, volume_megabytes)
    try:
        yield Seaweed(
            f"http://127.0.0.1:{ports['s3.port']}",
            f"http://127.0.0.1:{ports['s3.port.iceberg']}",
            f"127.0.0.1:{ports['master.port']}.{ports['master.port.grpc']}",
        )
    finally:
        server.kill()
        server.wait()


def _running(folder: Path, volume_megabytes: int) -> tuple[subprocess.Popen[bytes], dict[str, int]]:
    """A server that answers, and its ports; one of the nine may be taken before it gets there, so a few tries."""
    for _ in range(4):
        ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        with (folder / "log").open("wb") as log:
            command = _command(folder, ports, volume_megabytes)
            server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        if _answers(ports["s3.port"], server):
            return server, ports
        server.kill()
        server.wait()
    raise RuntimeError("SeaweedFS did not start:\n" + (folder / "log").read_text(errors="replace")[-2000:])


def _command(folder: Path, ports: dict[str, int], volume_megabytes: int) -> list[str]:
    command = [_program(), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    command += [
        "-s3.port.lance=0",  # or it takes one port for all servers of a machine
        "-volume.max=400",
        f"-master.volumeSizeLimitMB={volume_megabytes}",
        f"-s3.config={folder / 's3.json'}",
        "-s3.autoCreateBucket=false",
    ]
    return command


def _program() -> str:
    found = shutil.which("weed", path=sysconfig.get_path("scripts"))
    assert found is not None
    return found


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _answers(port: int, server: subprocess.Popen[bytes]) -> bool:
    # Its port opens well before the services behind it are there: a bucket needs them all.
    seaweed = Seaweed(f"http://127.0.0.1:{port}")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if seaweed.put_bucket("is-it-ready") == httpx.codes.OK:
                return True
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    return False
