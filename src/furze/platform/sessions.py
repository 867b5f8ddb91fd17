"""Sign-in for people: a session in two cookies, begun by a password, a link that works once, or a personal API key.

A session acts as its user without limits of scope. Its cookie is HttpOnly; a request that changes something must also
repeat the second cookie in a header, which a page of another origin can't read.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from fastapi import Request, Response
from pydantic import Field
from sqlalchemy import Column, Connection, ForeignKey, Integer, String, Table, delete, insert, select

from furze.database import UTCDateTime, metadata
from furze.platform.errors import AuthenticationFailed, PermissionDenied
from furze.platform.fields import Answer, Body, RequiredText, Text
from furze.platform.keys import hash_key
from furze.platform.store import first_user_id, get_user
from furze.platform.types import User

SESSION_COOKIE, CSRF_COOKIE, CSRF_HEADER = "sessionid", "posthog_csrftoken", "X-CSRFToken"
SESSION_LIFE = timedelta(days=14)
LINK_LIFE = timedelta(days=1)

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

sessions = Table(
    "session",
    metadata,
    Column("secure_value", String, primary_key=True),
    Column("user_id", Integer, ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False, index=True),
)

sign_in_links = Table(
    "sign_in_link",
    metadata,
    Column("secure_value", String, primary_key=True),
    Column("user_id", Integer, ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("expires_at", UTCDateTime, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just begun. Its value is in no database and can't be had again."""

    value: str
    user: User


class SignInBody(Body):
    """What POST login takes: email and password, or the token of a link. Without any, the request's key counts."""

    email: Text | None = Field(default=None, max_length=254)
    password: str | None = None
    token: RequiredText | None = None


class LinkAnswer(Answer):
    """Where a browser goes to be signed in, once, within a day."""

    path: str


def begin(connection: Connection, user: User, now: datetime) -> NewSession:
    """A new session of a user; sessions and links that have run out are forgotten on the way."""
    for table in (sessions, sign_in_links):
        connection.execute(delete(table).where(table.c.expires_at <= now))
    value = secrets.token_urlsafe(32)
    connection.execute(
        insert(sessions).values(
            secure_value=hash_key(value), user_id=user.id, created_at=now, expires_at=now + SESSION_LIFE
        )
    )
    return NewSession(value, user)


def find(connection: Connection, value: str, now: datetime) -> User | None:
    """The user of a session that is still on."""
    row = connection.execute(
        select(sessions.c.user_id).where(sessions.c.secure_value == hash_key(value), sessions.c.expires_at > now)
    ).first()
    user = get_user(connection, row.user_id) if row else None
    return user if user and user.is_active else None


def end(connection: Connection, value: str) -> None:
    """End a session."""
    connection.execute(delete(sessions).where(sessions.c.secure_value == hash_key(value)))


def end_others(connection: Connection, user_id: int, kept: str | None) -> None:
    """End every session of a user, and every link that would begin one, but for the session `kept`."""
    connection.execute(delete(sign_in_links).where(sign_in_links.c.user_id == user_id))
    others = sessions.c.user_id == user_id
    if kept is not None:
        others &= sessions.c.secure_value != hash_key(kept)
    connection.execute(delete(sessions).where(others))


def make_link(connection: Connection, user_id: int, now: datetime) -> str:
    """The path of a page that signs its bearer in as the user, once, within a day."""
    token = secrets.token_urlsafe(24)
    connection.execute(
        insert(sign_in_links).values(secure_value=hash_key(token), user_id=user_id, expires_at=now + LINK_LIFE)
    )
    return f"/sign-in?token={token}"


def make_owner_link(connection: Connection, now: datetime) -> str:
    """`make_link` for the user whom the first start made."""
    return make_link(connection, first_user_id(connection), now)


def use_link(connection: Connection, token: str, now: datetime) -> NewSession:
    """Begin a session by a link's token, which is used up; raises `AuthenticationFailed`."""
    row = connection.execute(
        delete(sign_in_links)
        .where(sign_in_links.c.secure_value == hash_key(token), sign_in_links.c.expires_at > now)
        .returning(sign_in_links.c.user_id)
    ).first()
    user = get_user(connection, row.user_id) if row else None
    if user is None or not user.is_active:
        raise AuthenticationFailed(
            "This sign-in link was used already, or is older than a day. Sign in with a personal API key, or restart "
            "furze for a new link."
        )
    return begin(connection, user, now)


def set_cookies(request: Request, response: Response, session: NewSession) -> None:
    """Give the browser both cookies; over HTTPS they are marked to go nowhere else."""
    is_secure = request.headers.get("x-forwarded-proto", request.url.scheme).split(",")[0].strip() == "https"
    seconds = int(SESSION_LIFE.total_seconds())
    response.set_cookie(SESSION_COOKIE, session.value, max_age=seconds, httponly=True, samesite="lax", secure=is_secure)
    response.set_cookie(CSRF_COOKIE, csrf_token(session.value), max_age=seconds, samesite="lax", secure=is_secure)


def clear_cookies(response: Response) -> None:
    """Take both cookies back."""
    for name in (SESSION_COOKIE, CSRF_COOKIE):
        response.delete_cookie(name, samesite="lax")


def csrf_token(value: str) -> str:
    """What proves that a request comes from a page that may read the session's cookies.

    It is made from the session, so a cookie planted by somebody else proves nothing.
    """
    return hashlib.sha256(b"csrf:" + value.encode()).hexdigest()


def check_origin(request: Request, value: str) -> None:
    """Raise `PermissionDenied` for what a page of another origin sends with the person's cookies."""
    check_page(request)
    if request.method in _SAFE_METHODS:
        return
    sent = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode(), csrf_token(value).encode()):
        raise PermissionDenied(f"CSRF Failed: send the cookie {CSRF_COOKIE!r} as the header {CSRF_HEADER!r} too.")


def check_page(request: Request) -> None:
    """Raise `PermissionDenied` for a browser's page of another origin.

    Such a page must not begin a session either: the person would go on in an account that is somebody else's.
    """
    origin = request.headers.get("origin")
    host = request.headers.get("x-forwarded-host", request.headers.get("host", "")).split(",")[0].strip()
    if origin and urlsplit(origin).netloc != host:
        raise PermissionDenied(f"A session can't be used from another origin: {origin!r}.")


def address_of(request: Request) -> str:
    """The network address that a request comes from."""
    return request.client.host if request.client else ""
