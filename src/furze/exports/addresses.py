"""Where an export may go: its own network and any folder by default, but never a cloud's metadata service."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from furze.exports.destination import Reject
from furze.kit import addresses


@dataclass(frozen=True, slots=True)
class Reach:
    """What the exports of a server may reach. No folders means every one."""

    private_addresses: bool = True
    folders: tuple[Path, ...] = ()


#: Every folder, and every address that is not refused to all.
ANYWHERE = Reach()

_reach: ContextVar[Reach] = ContextVar("reach", default=ANYWHERE)


@contextmanager
def limited(reach: Reach) -> Iterator[None]:
    """Hold everything that is done within, in threads and tasks too, to a reach."""
    token = _reach.set(reach)
    try:
        yield
    finally:
        _reach.reset(token)


def check_folder(path: Path) -> None:
    """Raise `Reject` for a folder that exports may not write to, wherever symbolic links lead. Work for a thread."""
    folders, place = _reach.get().folders, path.resolve()
    if folders and not any(place.is_relative_to(folder.resolve()) for folder in folders):
        allowed = ", ".join(repr(str(folder)) for folder in folders)
        raise Reject(f"{str(path)!r} is not in a folder that this server exports to. Choose one in {allowed}.")


async def check_host(host: str) -> None:
    """Raise `Reject` for a host that resolves to an address which no export may reach."""
    private_allowed = _reach.get().private_addresses
    if host.startswith("/"):
        if not private_allowed:
            raise Reject(f"{host!r} is a socket of this machine, which this server forbids.")
        return
    try:
        await addresses.check_host(host, private_allowed=private_allowed)
    except addresses.Refused as error:
        raise Reject(str(error)) from error
