"""How many wrong passwords an address may try."""

import pytest

from furze.platform.errors import Throttled
from furze.platform.passwords import Passwords
from furze.testing.clock import FakeClock


async def test_an_address_that_tries_many_accounts_is_stopped_for_ten_minutes() -> None:
    clock = FakeClock()
    passwords = Passwords(clock)

    async def guess(email: str, address: str) -> bool:
        return await passwords.is_right("guess", None, email=email, address=address)

    for number in range(50):
        assert not await guess(f"{number}@example.com", "10.0.0.1")
    with pytest.raises(Throttled):
        await guess("another@example.com", "10.0.0.1")
    assert not await guess("another@example.com", "10.0.0.2")
    clock.advance(minutes=10)
    assert not await guess("another@example.com", "10.0.0.1")


async def test_right_passwords_are_not_counted() -> None:
    passwords = Passwords(FakeClock())
    stored = await passwords.hashed("correct horse battery staple")
    for _ in range(11):
        assert await passwords.is_right(
            "correct horse battery staple", stored, email="a@example.com", address="10.0.0.1"
        )
