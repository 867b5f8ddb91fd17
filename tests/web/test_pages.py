"""What is served of the console, built or not, and to whom."""

import gzip
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from furze.web.routes import routes

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as a build leaves it."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>console</title>")
    (tmp_path / "favicon.svg").write_text("<svg/>")
    (tmp_path / "assets" / "index-1a2b.js").write_text("console.info(1);" * 100)
    (tmp_path.parent / "secret.txt").write_text("secret")
    return tmp_path


def client(folder: Path) -> TestClient:
    return TestClient(Starlette(routes=routes(folder)))


def test_a_browser_gets_the_console_and_a_program_gets_text(built: Path) -> None:
    page = client(built).get("/", headers=BROWSER)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>console</title>" in page.text
    text = client(built).get("/", headers={"Accept": "*/*"})
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text.startswith("furze: ")


@pytest.mark.parametrize("path", ["/ask", "/ask/0190-1", "/exports/new", "/people", "/data", "/settings", "/sign-in"])
def test_every_address_of_the_console_is_its_page(built: Path, path: str) -> None:
    page = client(built).get(path)
    assert page.status_code == 200
    assert "<title>console</title>" in page.text
    assert page.headers["cache-control"] == "no-cache"


def test_the_page_may_load_nothing_from_elsewhere(built: Path) -> None:
    policy = client(built).get("/ask").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_files_are_compressed_and_kept_for_good(built: Path) -> None:
    answer = client(built).get("/assets/index-1a2b.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < 1600
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    plain = client(built).get("/assets/index-1a2b.js", headers={"Accept-Encoding": "identity"})
    assert plain.text == answer.text == "console.info(1);" * 100
    assert gzip.compress(plain.content, 9)


def test_only_built_files_are_served(built: Path) -> None:
    for path in ("/assets/none.js", "/assets/..%2f..%2fsecret.txt", "/assets/%2e%2e/%2e%2e/secret.txt"):
        answer = client(built).get(path)
        assert answer.status_code == 404, path
        assert "secret" not in answer.text


def test_a_new_build_is_served_without_a_restart(built: Path) -> None:
    browser = client(built)
    assert "console" in browser.get("/ask").text
    (built / "index.html").write_text("<!doctype html><title>newer</title>")
    assert "newer" in browser.get("/ask").text


def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    page = client(tmp_path).get("/", headers=BROWSER)
    assert page.status_code == 200
    assert "make console" in page.text
    assert client(tmp_path).get("/", headers={"Accept": "*/*"}).text.startswith("furze: ")
