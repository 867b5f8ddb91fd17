"""JSON text of other programs: what it says is what is read."""

import pytest

from furze.kit import json


@pytest.mark.parametrize("number", [0, -1, 10**18, -(10**18), -(1 << 63), (1 << 63) - 1, (1 << 64) - 1])
def test_whole_numbers_of_64_bits_stay_whole_beside_what_only_the_lenient_reader_takes(number: int) -> None:
    assert json.loads(f"[{number}, Infinity]")[0] == number
    assert isinstance(json.loads(f"[{number}, Infinity]")[0], int)


@pytest.mark.parametrize("number", [1 << 64, -(1 << 63) - 1, 10**400, pytest.param(None, id="5,001 digits")])
def test_longer_ones_become_floats(number: int | None) -> None:
    text = "1" + "0" * 5000 if number is None else str(number)
    assert isinstance(json.loads(f"[{text}, Infinity]")[0], float)
