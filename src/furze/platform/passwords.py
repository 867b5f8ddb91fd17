"""Passwords: what may be one, how it is kept, and how often a wrong one may be tried."""

import asyncio
import os
from collections import deque
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from furze.kit.clock import Clock
from furze.platform.errors import InvalidInput, Throttled

SHORTEST: Final = 8
#: Far above what a person types, far below what would keep a core busy.
LONGEST: Final = 256

# The cost that OWASP names first for Argon2id: two passes over 19 MiB.
_PASSES, _MEMORY_KIB, _LANES = 2, 19 * 1024, 1
_AT_ONCE: Final = 4

_WINDOW: Final = timedelta(minutes=10)
_WRONG_PER_ACCOUNT: Final = 10
_WRONG_PER_ADDRESS: Final = 50
_MOST_COUNTED: Final = 10_000


def check_password(password: str, *, email: str) -> None:
    """Raise `InvalidInput` for a password that is too short, too long, or the email address."""
    if len(password) < SHORTEST:
        detail = f"This password is too short. It must contain at least {SHORTEST} characters."
        raise InvalidInput(detail, code="password_too_short", attr="password")
    if len(password) > LONGEST:
        detail = f"Ensure this field has no more than {LONGEST} characters."
        raise InvalidInput(detail, code="max_length", attr="password")
    if password.lower() == email.lower():
        detail = "The password is too similar to the email address."
        raise InvalidInput(detail, code="password_too_similar", attr="password")


class Passwords:
    """Makes and checks hashes, in threads, a few at once: each takes 19 MiB and a core."""

    def __init__(self, clock: Clock) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._attempts = _Attempts(clock)

    async def hashed(self, password: str) -> str:
        """What is stored of a password: Argon2id with its salt and cost, as one text."""
        async with self._turns:
            return await asyncio.to_thread(hash_password, password)

    async def is_right(self, password: str, stored: str | None, *, email: str, address: str) -> bool:
        """Whether it is the password that was stored; raises `Throttled` after too many that were not.

        Where none is stored the answer is no, and takes as long: who has an account can't be told by the time.
        """
        self._attempts.begin(email, address)
        async with self._turns:
            is_right = await asyncio.to_thread(_verify, password, stored or _nobodys()) and stored is not None
        if is_right:
            self._attempts.passed(email, address)
        return is_right


def hash_password(password: str) -> str:
    """`Passwords.hashed` for a caller that may wait."""
    salt = os.urandom(16)
    kdf = Argon2id(salt=salt, length=32, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB)
    return kdf.derive_phc_encoded(password.encode("utf-8", "surrogatepass"))


def _verify(password: str, stored: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode("utf-8", "surrogatepass"), stored)
    except InvalidKey:
        return False
    return True


@cache
def _nobodys() -> str:
    return hash_password(os.urandom(32).hex())


class _Attempts:
    """Counts wrong passwords by account and by address, in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counted: dict[str, deque[datetime]] = {}

    def begin(self, account: str, address: str) -> None:
        """Count an attempt, as wrong until `passed` says otherwise; raises `Throttled` when it is one too many."""
        now = self._clock.now()
        if len(self._counted) > _MOST_COUNTED:
            self._counted = {name: tried for name, tried in self._counted.items() if now - tried[-1] < _WINDOW}
        places = ((_account(account), _WRONG_PER_ACCOUNT), (_address(address), _WRONG_PER_ADDRESS))
        for name, most in places:
            self._check(name, most, now)
        for name, _ in places:
            self._counted.setdefault(name, deque()).append(now)

    def passed(self, account: str, address: str) -> None:
        """The password was right: the account begins anew, and the address is not charged for it."""
        self._counted.pop(_account(account), None)
        tried = self._counted.get(_address(address))
        if tried:
            tried.pop()
        if not tried:
            self._counted.pop(_address(address), None)

    def _check(self, name: str, most: int, now: datetime) -> None:
        tried = self._counted.get(name, deque())
        while tried and now - tried[0] >= _WINDOW:
            tried.popleft()
        if not tried:
            self._counted.pop(name, None)
        if len(tried) >= most:
            wait = _WINDOW - (now - tried[0])
            raise Throttled("Too many failed login attempts.", wait_seconds=wait.total_seconds())


def _account(email: str) -> str:
    return f"account {email.lower()}"


def _address(host: str) -> str:
    return f"address {host}"
