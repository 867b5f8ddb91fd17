"""Invites to an organisation, and coming in by one."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from furze.database import Database
from furze.kit.clock import Clock
from furze.platform import invites, sessions
from furze.platform.answers import basic_of
from furze.platform.auth import AnyCaller, Authenticator, Caller, unlimited
from furze.platform.errors import InvalidInput, NotAuthenticated, NotFound
from furze.platform.fields import Answer, Body, Text, WireTime
from furze.platform.invites import Invite, NewPerson, check_recipient, open_invite
from furze.platform.organizations import enter
from furze.platform.pagination import AskedPage, Page, origin_of
from furze.platform.passwords import Passwords, check_password
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.platform.types import UserBasic
from furze.platform.users import Email

endpoints = Endpoints("invites")

Accounts = Annotated[Database, provided(Database)]
Callers = Annotated[Authenticator, provided(Authenticator)]
Hashing = Annotated[Passwords, provided(Passwords)]
Now = Annotated[Clock, provided(Clock)]


class InviteBody(Body):
    """Whom to invite. With an address only its owner can come; the level is 1 member, 8 admin, 15 owner."""

    target_email: Email | None = None
    first_name: Text = Field(default="", max_length=150)
    level: Literal[1, 8, 15] = 1


class InviteAnswer(Answer):
    """An invite that nobody has used yet."""

    id: UUID
    target_email: str | None
    first_name: str
    level: int
    emailing_attempt_made: bool
    is_expired: bool
    created_by: UserBasic
    created_at: WireTime
    updated_at: WireTime
    expires_at: WireTime


class NewInviteAnswer(InviteAnswer):
    """An invite with its link, which can't be shown again."""

    link: str


class OpenInviteAnswer(Answer):
    """What a link's bearer is told before coming in."""

    id: UUID
    target_email: str | None
    first_name: str
    organization_name: str
    expires_at: WireTime


class SignUpBody(Body):
    """Who comes in. Somebody who is signed in sends nothing; the address may be left out if the invite names it."""

    first_name: Text = Field(default="", max_length=150)
    last_name: Text = Field(default="", max_length=150)
    email: Email | None = None
    password: str | None = None


@endpoints.get(
    "/organizations/{organization_id}/invites",
    scope="organization_member:read",
    response=Page[InviteAnswer],
    in_project=False,
)
async def list_invites(
    caller: AnyCaller, database: Accounts, clock: Now, page: AskedPage, organization_id: str
) -> dict[str, Any]:
    """The invites of one of the caller's organisations that nobody has used, newest first, without their links."""

    def found(connection: Connection) -> list[Invite]:
        return invites.list_invites(connection, enter(connection, caller, organization_id))

    rows = await database.read(found)
    return page.page([_answer(each, clock) for each in rows[page.offset :][: page.limit]], len(rows))


@endpoints.post(
    "/organizations/{organization_id}/invites",
    scope="organization_member:write",
    response=NewInviteAnswer,
    in_project=False,
)
async def create_invite(
    request: Request,
    caller: AnyCaller,
    database: Accounts,
    clock: Now,
    organization_id: str,
    body: Annotated[InviteBody, Depends(BodyOf(InviteBody))],
) -> dict[str, Any]:
    """An invite up to the caller's own level. No mail is sent: hand the link on; it works once, within three days."""

    def make(connection: Connection) -> tuple[Invite, str]:
        own = enter(connection, caller, organization_id)
        fields: dict[str, Any] = {"first_name": body.first_name, "level": body.level, "now": clock.now()}
        return invites.make_invite(connection, own, email=body.target_email, **fields)

    invite, token = await database.write(make)
    return {**_answer(invite, clock), "link": f"{origin_of(request)}/signup/{token}"}


@endpoints.delete(
    "/organizations/{organization_id}/invites/{invite_id}", scope="organization_member:write", in_project=False
)
async def delete_invite(
    caller: AnyCaller, database: Accounts, clock: Now, organization_id: str, invite_id: str
) -> None:
    """Take an invite back: its link stops to work. Members may for their own, admins for all."""

    def remove(connection: Connection) -> None:
        own = enter(connection, caller, organization_id)
        invites.delete_invite(connection, own, _uuid(invite_id), clock.now())

    await database.write(remove)


@endpoints.get("/signup/{token}", scope=None, response=OpenInviteAnswer, in_project=False, is_open=True)
async def get_invite(database: Accounts, clock: Now, token: str) -> dict[str, Any]:
    """What the bearer of an invite's link is invited to."""
    invite, host = await database.read(open_invite, token, clock.now())
    return {**_answer(invite, clock), "organization_name": host.organization.name}


@endpoints.post("/signup/{token}", scope=None, response=UserBasic, in_project=False, is_open=True)
async def accept_invite(
    request: Request,
    response: Response,
    database: Accounts,
    callers: Callers,
    passwords: Hashing,
    clock: Now,
    token: str,
    body: Annotated[SignUpBody, Depends(BodyOf(SignUpBody))],
) -> dict[str, Any]:
    """Come in by an invite's link: as who is signed in, else with a new account, whose session begins."""
    sessions.check_page(request)
    caller = await _caller(request, callers)
    if caller is not None:
        user = await database.write(invites.join, token, unlimited(caller).user, clock.now())
        callers.forget()
        return basic_of(user)
    person = await _new_person(body, token, database, passwords, clock)
    session = await database.write(_sign_up, token, person, clock)
    sessions.set_cookies(request, response, session)
    return basic_of(session.user)


def _sign_up(connection: Connection, token: str, person: NewPerson, clock: Clock) -> sessions.NewSession:
    now = clock.now()
    return sessions.begin(connection, invites.join_anew(connection, token, person, now), now)


async def _caller(request: Request, callers: Authenticator) -> Caller | None:
    try:
        return await callers.caller(request, None)
    except NotAuthenticated:
        return None


async def _new_person(
    body: SignUpBody, token: str, database: Database, passwords: Passwords, clock: Clock
) -> NewPerson:
    # The link is looked at first: hashing a password is work, and is done for nobody who has none.
    invite, _ = await database.read(open_invite, token, clock.now())
    email = _required(body.email or invite.target_email, "email")
    check_recipient(invite, email)
    first_name = _required(body.first_name or invite.first_name, "first_name")
    password = _required(body.password, "password")
    check_password(password, email=email)
    return NewPerson(email, first_name, body.last_name, await passwords.hashed(password))


def _required(value: str | None, name: str) -> str:
    if not value:
        raise InvalidInput("This field is required.", code="required", attr=name)
    return value


def _answer(invite: Invite, clock: Clock) -> dict[str, Any]:
    return {
        "id": invite.id,
        "target_email": invite.target_email,
        "first_name": invite.first_name,
        "level": invite.level,
        "emailing_attempt_made": False,
        "is_expired": invite.expires_at <= clock.now(),
        "created_by": basic_of(invite.created_by),
        "created_at": invite.created_at,
        "updated_at": invite.created_at,
        "expires_at": invite.expires_at,
    }


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
