"""Reading ahead: a source and its consumer work at the same time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")


async def read_ahead(items: AsyncGenerator[T], depth: int) -> AsyncGenerator[T]:
    """The same items in their order; up to `depth` are read while the caller works on one that came before.

    An error of the source comes after the items before it. Closing this closes the source.
    """
    ready: asyncio.Queue[tuple[T] | None] = asyncio.Queue()
    room = asyncio.Semaphore(depth)

    async def pump() -> None:
        try:
            async with aclosing(items):
                while True:
                    await room.acquire()
                    ready.put_nowait((await anext(items),))
        except StopAsyncIteration:
            pass
        finally:
            ready.put_nowait(None)

    pumping = asyncio.create_task(pump())
    try:
        while (item := await ready.get()) is not None:
            room.release()
            yield item[0]
        await pumping
    finally:
        pumping.cancel()
        await asyncio.wait({pumping})
