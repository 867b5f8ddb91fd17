"""Signing in and out: by password, by a link that works once, by a personal API key."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response

from furze.database import Database
from furze.kit.clock import Clock
from furze.platform import sessions, users
from furze.platform.answers import basic_of
from furze.platform.auth import AnyCaller, Authenticator, unlimited
from furze.platform.errors import AuthenticationFailed, InvalidInput, NotAuthenticated
from furze.platform.fields import Answer
from furze.platform.passwords import Passwords
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.platform.sessions import LinkAnswer, SignInBody
from furze.platform.types import User, UserBasic

endpoints = Endpoints("sign_in")

Accounts = Annotated[Database, provided(Database)]
Now = Annotated[Clock, provided(Clock)]
Callers = Annotated[Authenticator, provided(Authenticator)]
Hashing = Annotated[Passwords, provided(Passwords)]


class SessionAnswer(Answer):
    """Whether somebody is signed in, and who."""

    is_signed_in: bool
    user: UserBasic | None


@endpoints.get("/session", scope=None, response=SessionAnswer, in_project=False, is_open=True)
async def get_session(request: Request, callers: Callers) -> dict[str, Any]:
    """Whether the request comes from somebody who is signed in. For a browser that is not, this is no error."""
    try:
        caller = await callers.caller(request, None)
    except NotAuthenticated:
        return {"is_signed_in": False, "user": None}
    return {"is_signed_in": True, "user": basic_of(caller.user)}


@endpoints.post("/login", scope=None, response=UserBasic, status=200, in_project=False, is_open=True)
async def sign_in(
    request: Request,
    response: Response,
    database: Accounts,
    callers: Callers,
    clock: Now,
    passwords: Hashing,
    body: Annotated[SignInBody, Depends(BodyOf(SignInBody))],
) -> dict[str, Any]:
    """Begin a session: by email and password, by the token of a sign-in link, or by a key without limits of scope."""
    sessions.check_page(request)
    now = clock.now()
    if body.token is not None:
        session = await database.write(sessions.use_link, body.token, now)
    else:
        if body.email is not None or body.password is not None:
            user = await _user_with_password(request, body, database, passwords)
        else:
            user = unlimited(await callers.caller(request, None)).user
        session = await database.write(sessions.begin, user, now)
    sessions.set_cookies(request, response, session)
    return basic_of(session.user)


@endpoints.post("/logout", scope=None, in_project=False, status=204)
async def sign_out(
    request: Request, response: Response, caller: AnyCaller, database: Accounts, callers: Callers
) -> None:
    """End the session that asks."""
    if not caller.is_session:
        raise AuthenticationFailed("Only a session can be signed out. To stop a key from working, delete it.")
    await database.write(sessions.end, request.cookies[sessions.SESSION_COOKIE])
    callers.forget()
    sessions.clear_cookies(response)


@endpoints.post("/sign_in_links", scope=None, response=LinkAnswer, in_project=False)
async def create_sign_in_link(caller: AnyCaller, database: Accounts, clock: Now) -> LinkAnswer:
    """A link that signs a browser in as the caller, once, within a day."""
    user = unlimited(caller).user
    return LinkAnswer(path=await database.write(sessions.make_link, user.id, clock.now()))


async def _user_with_password(request: Request, body: SignInBody, database: Database, passwords: Passwords) -> User:
    email, password = (_required(getattr(body, name), name) for name in ("email", "password"))
    found = await database.read(users.find_by_email, email)
    stored = found[1] if found else None
    is_right = await passwords.is_right(password, stored, email=email, address=sessions.address_of(request))
    if found is None or not is_right:
        # One answer for both, or strangers could learn who has an account.
        raise InvalidInput("Invalid email or password.", code="invalid_credentials")
    return found[0]


def _required(value: str | None, name: str) -> str:
    if value is None:
        raise InvalidInput("This field is required.", code="required", attr=name)
    return value
