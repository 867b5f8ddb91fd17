"""Reading ahead changes when a source is read, never what comes of it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from furze.kit.ahead import read_ahead


@given(st.lists(st.integers()), st.integers(1, 5))
def test_everything_comes_once_and_in_order(items: list[int], depth: int) -> None:
    async def source() -> AsyncGenerator[int]:
        for item in items:
            yield item

    async def read() -> list[int]:
        return [item async for item in read_ahead(source(), depth)]

    assert asyncio.run(read()) == items


async def test_the_source_goes_on_while_the_first_item_is_worked_on_but_not_for_ever() -> None:
    begun: list[int] = []

    async def source() -> AsyncGenerator[int]:
        for number in range(10):
            begun.append(number)
            yield number

    async with aclosing(read_ahead(source(), 2)) as items:
        assert await anext(items) == 0
        for _ in range(20):
            await asyncio.sleep(0)
        assert begun == [0, 1, 2]


async def test_an_error_comes_after_the_items_before_it() -> None:
    async def source() -> AsyncGenerator[int]:
        yield 1
        raise ValueError("broken")

    items = read_ahead(source(), 4)
    assert await anext(items) == 1
    with pytest.raises(ValueError, match="broken"):
        await anext(items)


async def test_leaving_early_closes_the_source() -> None:
    closed = asyncio.Event()

    async def source() -> AsyncGenerator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    async with aclosing(read_ahead(source(), 3)) as items:
        await anext(items)
    assert closed.is_set()
