"""Client libraries that come only with an extra of furze: loaded when used, and named when missing."""

from importlib import import_module
from typing import Any

from furze.exports.destination import PASSED, Outcome, Reject, failed


def load(module: str, *, extra: str) -> Any:
    """A module of an extra; raises `Reject` that says what to install."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise Reject(missing(module, extra)) from error


def check_installed(module: str, *, extra: str) -> Outcome:
    """A test step: is the extra there."""
    try:
        load(module, extra=extra)
    except Reject as error:
        return failed(str(error))
    return PASSED


def missing(module: str, extra: str) -> str:
    """What to do about an extra that is not there."""
    return (
        f"The library {module!r} is not installed: run `pip install furze[{extra}]` where furze runs, and restart it."
    )
