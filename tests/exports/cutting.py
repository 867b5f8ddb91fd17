"""A network that can be cut: a TCP proxy before a server."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Wire:
    """Passes bytes on to a server until `allowed` of them have gone there; then every connection breaks off.

    New ones break off as well, until `mend`.
    """

    def __init__(self, server: tuple[str, int], *, allowed: int) -> None:
        self._server = server
        self._allowed: float = allowed
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._cut()

    def mend(self) -> None:
        """Let everything through from now on."""
        self._allowed = float("inf")

    def _accept(self) -> None:
        with contextlib.suppress(OSError), self._listener:  # shut down
            while True:
                client, _ = self._listener.accept()
                if self._allowed <= 0:
                    client.close()
                    continue
                server = connected(self._server)
                self._open += [client, server]
                threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_client: bool) -> None:
        # Closed with unread bytes, a connection is reset: the other end learns of it even while it only sends.
        with source, contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._allowed -= len(data) if is_client else 0
                if self._allowed <= 0:
                    self._cut()
                    return
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def _cut(self) -> None:
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def connected(server: tuple[str, int]) -> socket.socket:
    """A connection to a host and port; PostgreSQL's way to name a socket file is understood too."""
    host, port = server
    if not host.startswith("/"):
        return socket.create_connection(server)
    local = socket.socket(socket.AF_UNIX)
    local.connect(f"{host}/.s.PGSQL.{port}")
    return local
