"""What a destination says whose library is not installed."""

import pytest

from furze.exports import extras
from furze.exports.destination import Reject


def test_a_missing_library_is_named_with_what_to_install() -> None:
    result = extras.check_installed("no_such_library", extra="duckdb")
    assert result.status == "Failed"
    assert "pip install furze[duckdb]" in str(result.message)
    with pytest.raises(Reject, match="no_such_library"):
        extras.load("no_such_library", extra="duckdb")
