"""Serves the console: its page at every address it knows, and its files, compressed once and cached for good."""

import gzip
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_STATIC = Path(__file__).parent / "static"

#: The first words of the addresses that the console answers itself.
PAGES = ("home", "ask", "exports", "people", "data", "settings", "sign-in", "signup")

_GREETING = "furze: send events to /batch/ and /e/, ask at /api/projects/@current/query/\n"

# Nothing that the page loads, sends or shows may come from, or go to, anywhere else.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_COMPRESSED = frozenset({".html", ".js", ".css", ".svg", ".json"})

_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>furze</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body{font:16px/1.5 system-ui;max-width:38rem;margin:15vh auto;padding:0 1rem}code{font-size:.95em}</style>
<h1>furze is running</h1>
<p>This copy has no console yet. Build it with <code>make console</code> and reload this page;
furze needs no restart.</p>
<p>Everything else works: capture at <code>/batch/</code>, the API under <code>/api/</code>, described at
<a href="/api/docs">/api/docs</a>.</p></html>
"""


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was when read; `compressed` when that is worth it."""

    content: bytes
    compressed: bytes | None
    media_type: str


def routes(folder: Path = _STATIC) -> list[Route]:
    """Every route of the console whose built files are in `folder`."""
    pages = _Pages(folder)
    files = _Files(folder)
    return [
        Route("/", pages.greet),
        *(Route(f"/{page}", pages.show) for page in PAGES),
        *(Route(f"/{page}/{{rest:path}}", pages.show) for page in PAGES),
        Route("/assets/{name}", files.show),
        Route("/favicon.svg", files.show_icon),
    ]


@dataclass(frozen=True, slots=True)
class _Pages:
    folder: Path

    async def greet(self, request: Request) -> Response:
        """The console for a browser, one line of text for a program."""
        answer = self._page(request) if _wants_html(request) else PlainTextResponse(_GREETING)
        answer.headers["Vary"] = "Accept, Accept-Encoding"
        return answer

    async def show(self, request: Request) -> Response:
        """The console, which reads the address itself."""
        return self._page(request)

    def _page(self, request: Request) -> Response:
        page = self.folder / "index.html"
        if not page.is_file():
            return Response(_NOT_BUILT, media_type="text/html", headers=_HEADERS)
        # Read again when built again: the page names the files that belong to it.
        return _answer(request, _read(page, page.stat().st_mtime_ns), _ASK_AGAIN)


@dataclass(frozen=True, slots=True)
class _Files:
    folder: Path

    async def show(self, request: Request) -> Response:
        """A file that carries a digest of its content in its name."""
        return self._file(request, self.folder / "assets" / request.path_params["name"], _FOREVER)

    async def show_icon(self, request: Request) -> Response:
        """The icon."""
        return self._file(request, self.folder / "favicon.svg", _ASK_AGAIN)

    def _file(self, request: Request, path: Path, caching: str) -> Response:
        if path.parent.resolve() not in (self.folder.resolve(), (self.folder / "assets").resolve()):
            return PlainTextResponse("Not found.\n", 404)
        if not path.is_file():
            return PlainTextResponse("Not found. Reload the page: the console was built again.\n", 404)
        return _answer(request, _read(path, path.stat().st_mtime_ns), caching)


def _answer(request: Request, file: _File, caching: str) -> Response:
    headers = {**_HEADERS, "Cache-Control": caching, "Vary": "Accept-Encoding"}
    if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.compressed, media_type=file.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(file.content, media_type=file.media_type, headers=headers)


@cache
def _read(path: Path, _changed_at: int) -> _File:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    compressed = gzip.compress(content, 9) if path.suffix in _COMPRESSED else None
    return _File(content, compressed, "text/javascript" if path.suffix == ".js" else media_type)


def _wants_html(request: Request) -> bool:
    """Whether a browser asks: only those name text/html themselves."""
    return "text/html" in request.headers.get("accept", "")
