"""Secrets at rest: encrypted with a key that the database does not hold, so that a dump of it gives nothing away."""

import os
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from furze.kit import json
from furze.platform.errors import FurzeError


class SecretsUnreadable(FurzeError):
    """Stored secrets cannot be read with this server's secret key. Restore the key, or enter the secrets again."""

    code = "secrets_unreadable"


class SecretBox:
    """Encrypts JSON values with one key."""

    def __init__(self, key: str | bytes) -> None:
        self._fernet = Fernet(key)

    def encrypt(self, value: Any) -> str:
        """A JSON value as text that only `decrypt` can read."""
        return self._fernet.encrypt(json.dumps(value)).decode()

    def decrypt(self, text: str) -> Any:
        """The value; raises `SecretsUnreadable` if it was encrypted with another key."""
        try:
            return json.loads(self._fernet.decrypt(text.encode()))
        except InvalidToken as error:
            raise SecretsUnreadable from error


def secret_key(folder: Path, given: str | None = None) -> str:
    """The key: the one given, else the one in `secret.key` of the data folder, which the first start writes."""
    if given:
        return given
    file = folder / "secret.key"
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    key = Fernet.generate_key().decode()
    with os.fdopen(descriptor, "w") as stream:
        stream.write(key + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return key
