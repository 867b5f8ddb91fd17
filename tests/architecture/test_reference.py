"""The reference is written from the objects themselves, and is up to date."""

from pathlib import Path

import pytest

from furze.reference import pages
from furze.server import SLICES

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_reference_page_is_what_make_docs_would_write(name: str) -> None:
    assert (FOLDER / name).read_text() == pages()[name], "run `make docs`"


def test_every_endpoint_has_a_sentence_about_its_answer() -> None:
    silent = [endpoint.path for each in SLICES for endpoint in each.declared if not endpoint.handler.__doc__]
    assert silent == []


def test_no_endpoint_is_declared_twice() -> None:
    declared = [(endpoint.method, endpoint.path) for each in SLICES for endpoint in each.declared]
    assert len(declared) == len(set(declared))
