import pytest
from tests.conftest import Furze
from tests.people.clients import Client


@pytest.fixture
def client(furze: Furze) -> Client:
    """A client of the first project."""
    return Client(furze)
