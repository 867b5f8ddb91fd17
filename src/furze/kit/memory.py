"""How the C library hands out memory."""

import ctypes

_M_ARENA_MAX = -8


def use_few_arenas(count: int = 2) -> None:
    """Let threads share arenas, for glibc makes up to eight per core and each keeps what it once needed."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, count)
