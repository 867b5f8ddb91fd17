"""Exports into Google Cloud Storage buckets, on a small server that speaks the part of the XML API they use.

fake-gcs-server has no XML uploads, and no emulator looks at who asks: this one checks the token's issuer.
"""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.exports.conftest import Exporting, uuids_in
from tests.exports.destinations.conftest import Steps, deliver, failure

EMAIL = "exporter@project.iam.gserviceaccount.com"


@dataclass
class Bucket:
    """A server with one bucket, `here`, that one service account may use."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def to(self, bucket: str = "here", *, email: str = EMAIL, url: str | None = None, **more: Any) -> dict[str, Any]:
        key = {"type": "service_account", "client_email": email, "private_key": PRIVATE_KEY, "private_key_id": "1"}
        text = json.dumps(key | {"gcs_base_url": url or self.url})
        return {"type": "GoogleCloudStorage", "config": {"bucket_name": bucket, "service_account_key": text} | more}


def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


PRIVATE_KEY = _private_key()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    held: Bucket

    def do_PUT(self) -> None:
        body, key, query = self._asked()
        if key is None:
            return
        if "uploadId" in query:
            self.held.parts[query["uploadId"][0]][int(query["partNumber"][0])] = body
        else:
            self.held.objects[key] = body
        self._answer(200)

    def do_POST(self) -> None:
        _, key, query = self._asked()
        if key is None:
            return
        if "uploads" in query:
            name = f"u{len(self.held.parts)}"
            self.held.parts[name] = {}
            tag = "InitiateMultipartUploadResult"
            self._answer(200, f"<{tag}><Bucket>here</Bucket><Key>{key}</Key><UploadId>{name}</UploadId></{tag}>")
        else:
            parts = self.held.parts.pop(query["uploadId"][0])
            self.held.objects[key] = b"".join(parts[number] for number in sorted(parts))
            tag = "CompleteMultipartUploadResult"
            self._answer(200, f"<{tag}><Bucket>here</Bucket><Key>{key}</Key><ETag>e</ETag></{tag}>")

    def do_GET(self) -> None:
        _, key, query = self._asked()
        if key is None:
            return
        prefix = query.get("prefix", [""])[0]
        entry = "<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00Z</LastModified><Size>1</Size></Contents>"
        found = "".join(entry.format(name) for name in sorted(self.held.objects) if name.startswith(prefix))
        self._answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>")

    def do_DELETE(self) -> None:
        _, key, _ = self._asked()
        if key is not None:
            self._answer(204 if self.held.objects.pop(key, None) is not None else 404)

    def _asked(self) -> tuple[bytes, str | None, dict[str, list[str]]]:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(iter(self._chunk, b""))
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        place = urlsplit(self.path)
        _, bucket, *rest = unquote(place.path).split("/")
        if not self._is_known():
            self._answer(403, "<Error><Code>AccessDenied</Code></Error>")
        elif bucket != "here":
            self._answer(404, "<Error><Code>NoSuchBucket</Code></Error>")
        else:
            return body, "/".join(rest), parse_qs(place.query, keep_blank_values=True)
        return body, None, {}

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def _is_known(self) -> bool:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ").split(".")
        claims = json.loads(base64.urlsafe_b64decode(token[1] + "==")) if len(token) == 3 else {}
        return bool(claims.get("iss") == EMAIL)

    def _answer(self, status: int, text: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("ETag", '"e"')
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    held = Bucket()
    handler = type("BucketHandler", (Handler,), {"held": held})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        held.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield held
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("file_format", ["JSONLines", "Parquet"])
def test_each_event_is_in_the_bucket_once(
    exporting: Exporting, bucket: Bucket, unique: str, tmp_path: Path, *, file_format: str
) -> None:
    sent = exporting.send(60, event=unique)
    export = deliver(exporting, bucket.to(prefix="{table}", file_format=file_format, include_events=[unique]))
    assert "service_account_key" not in export["destination"]["config"]
    assert export["run"]["files"] == list(bucket.objects)
    assert bucket.parts == {}
    (tmp_path / "events").mkdir()
    for name, data in bucket.objects.items():
        (tmp_path / name).write_bytes(data)
    assert sorted(uuids_in(tmp_path)) == sorted(sent)


def test_each_test_step_says_what_to_mend(bucket: Bucket, steps: Steps) -> None:
    assert [step["status"] for step in steps(bucket.to())] == ["Passed", "Passed"]
    assert bucket.objects == {}
    mistakes = [
        (bucket.to("nowhere"), "does not exist"),
        (bucket.to(email="someone@else"), "refuses"),
        (bucket.to(url="http://nowhere.invalid"), "not known"),
        (bucket.to(url="http://169.254.169.254"), "metadata"),
    ]
    for destination, words in mistakes:
        assert words in steps(destination)[-1]["message"]


def test_a_key_that_is_none_is_refused_without_being_repeated(exporting: Exporting, bucket: Bucket) -> None:
    for key in ("not-a-json-key", json.dumps({"client_email": "not-a-json-key"})):
        destination = bucket.to(service_account_key=key)
        body = {"name": "t", "interval": "hour", "destination": destination}
        answer = exporting.furze.client.post(exporting.furze.api("batch_exports/"), json=body)
        assert answer.status_code == 400
        assert "paste the whole JSON file" in answer.json()["detail"]
        assert "not-a-json-key" not in answer.text


def test_a_run_into_a_missing_bucket_fails_at_once(exporting: Exporting, bucket: Bucket, unique: str) -> None:
    exporting.send(1, event=unique)
    assert "does not exist" in failure(exporting, bucket.to("nowhere", include_events=[unique]))
