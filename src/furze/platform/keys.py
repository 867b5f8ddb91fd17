"""Personal API keys and project tokens: made, hashed, masked."""

import hashlib
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
PERSONAL_PREFIX = "phx_"
PROJECT_PREFIX = "phc_"


def new_personal_key() -> str:
    """A new personal API key, `phx_…`. Shown once, stored only as its hash."""
    return PERSONAL_PREFIX + _random_text(43)


def new_project_token() -> str:
    """A new project token, `phc_…`: public, good for capture only."""
    return PROJECT_PREFIX + _random_text(43)


def hash_key(key: str) -> str:
    """What is stored of a key: `sha256$` and the hex digest. A key is random enough to need no salt."""
    return "sha256$" + hashlib.sha256(key.encode()).hexdigest()


def mask_key(key: str) -> str:
    """What is shown of a key: its first and last four characters."""
    return f"{key[:4]}...{key[-4:]}"


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
