"""Pages: `limit` / `offset` with a count, and cursors without one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Request

from furze.platform.fields import Answer

T = TypeVar("T")

DEFAULT_LIMIT = 100

# Beyond the rows of any table, within the integers of every database.
_MOST = 2**31 - 1


class Page(Answer, Generic[T]):
    """A `limit` / `offset` page."""

    count: int
    next: str | None
    previous: str | None
    results: list[T]


class CursorPage(Answer, Generic[T]):
    """A page of a list that carries no count."""

    next: str | None
    previous: str | None
    results: list[T]


@dataclass(frozen=True)
class PageRequest:
    """Which rows the caller asks for. Bad numbers mean the default, never an error; there is no maximum."""

    limit: int
    offset: int
    url: str
    query: tuple[tuple[str, str], ...]

    def page(self, rows: Sequence[Any], count: int) -> dict[str, Any]:
        """The envelope around the rows at `offset`, of `count` in all."""
        following = self.offset + self.limit
        return {
            "count": count,
            "next": self._link(following) if following < count else None,
            "previous": self._link(self.offset - self.limit) if self.offset > 0 else None,
            "results": list(rows),
        }

    def _link(self, offset: int) -> str:
        kept = {name: value for name, value in self.query if name not in ("limit", "offset")}
        kept["limit"] = str(self.limit)
        if offset > 0:
            kept["offset"] = str(offset)
        return f"{self.url}?{urlencode(sorted(kept.items()))}"


def page_request(request: Request) -> PageRequest:
    """The page a request asks for, by its `limit` and `offset`."""
    query = request.query_params
    return PageRequest(
        limit=_natural(query.get("limit"), least=1, otherwise=DEFAULT_LIMIT),
        offset=_natural(query.get("offset"), least=0, otherwise=0),
        url=absolute_url(request),
        query=tuple(parse_qsl(request.url.query, keep_blank_values=True)),
    )


AskedPage = Annotated[PageRequest, Depends(page_request)]


def absolute_url(request: Request) -> str:
    """The URL the caller used, without its query, in the caller's own slash style and behind any proxy."""
    return origin_of(request) + str(request.scope.get("furze_path", request.url.path))


def origin_of(request: Request) -> str:
    """Scheme and host as the caller sees them, behind any proxy: `https://furze.example.com`."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme).split(",")[0].strip()
    host = request.headers.get("x-forwarded-host", request.headers.get("host", request.url.netloc))
    return f"{scheme}://{host.split(',')[0].strip()}"


def _natural(text: str | None, *, least: int, otherwise: int) -> int:
    try:
        number = int(text or "")
    except ValueError:
        return otherwise
    return min(number, _MOST) if number >= least else otherwise


@dataclass(frozen=True)
class CursorRequest:
    """A page of a list without a count: `limit` rows after the place the `cursor` names."""

    limit: int
    offset: int
    url: str
    query: tuple[tuple[str, str], ...]

    def page(self, rows_and_one_more: Sequence[Any], present: Callable[[Any], Any]) -> dict[str, Any]:
        """The envelope. Hand in up to `limit + 1` rows from `offset`: the extra one tells that more follow."""
        rows, more = rows_and_one_more[: self.limit], len(rows_and_one_more) > self.limit
        return {
            "next": self._link(self.offset + self.limit) if more else None,
            "previous": self._link(max(0, self.offset - self.limit)) if self.offset > 0 else None,
            "results": [present(row) for row in rows],
        }

    def _link(self, offset: int) -> str:
        kept = {name: value for name, value in self.query if name != "cursor"}
        if offset > 0:
            kept["cursor"] = str(offset)
        return f"{self.url}?{urlencode(sorted(kept.items()))}" if kept else self.url


@dataclass(frozen=True, slots=True)
class CursorReader:
    """A dependency that reads `limit` and `cursor`."""

    default_limit: int

    def __call__(self, request: Request) -> CursorRequest:
        """The page a request asks for."""
        query = request.query_params
        return CursorRequest(
            limit=_natural(query.get("limit"), least=1, otherwise=self.default_limit),
            offset=_natural(query.get("cursor"), least=0, otherwise=0),
            url=absolute_url(request),
            query=tuple(parse_qsl(request.url.query, keep_blank_values=True)),
        )
