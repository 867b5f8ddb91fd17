"""Every construct of the reference page does what the page says, and every function is one that the engine has."""

from pathlib import Path

import pytest
from tests.hogql.constructs import REFUSED, WORKS, page
from tests.hogql.test_corpus import OPTIONS

from furze.hogql import HogQLError, compile_query
from furze.hogql.functions import FUNCTIONS, SPECIAL

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "hogql.md"


@pytest.mark.parametrize("example", [example for _, _, example in WORKS])
def test_what_works_runs(engine, example):
    engine.ask(example, **OPTIONS)


@pytest.mark.parametrize(("example", "words"), [(example, words) for _, example, words in REFUSED])
def test_what_is_refused_is_named(example, words):
    with pytest.raises(HogQLError) as refused:
        compile_query(example, team_id=1)
    assert words in str(refused.value)


def test_the_engine_has_every_function(engine):
    rows = engine.run(
        "SELECT lower(name) FROM system.functions UNION ALL SELECT lower(name) FROM system.table_functions"
    )
    known = {str(row[0]) for row in rows}
    absent = {
        function.name
        for function in FUNCTIONS.values()
        if function.name not in SPECIAL and function.engine_name.lower() not in known
    }
    assert absent == set()


def test_the_page_is_what_make_docs_would_write():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"
