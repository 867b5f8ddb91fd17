"""Where a user of this server may have it connect to: anywhere, or no private address; a cloud's metadata never."""

import asyncio
import ipaddress
import socket

_REFUSED = tuple(map(ipaddress.ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32")))


class Refused(Exception):
    """The host is unknown or may not be reached. The message names it."""


async def check_host(host: str, *, private_allowed: bool) -> None:
    """Raise `Refused` for a host that resolves to an address which may not be reached."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Refused(f"The host {host!r} is not known: {error.strerror or error}. Check its name.") from error
    for *_, place in found:
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if any(address in network for network in _REFUSED if network.version == address.version):
            raise Refused(f"The host {host!r} is {address}, a link-local or metadata address, which is refused.")
        if not private_allowed and not address.is_global:
            raise Refused(f"The host {host!r} is {address}, a private address, which this server forbids.")
