"""A project's own model: chosen over HTTP, its key never shown, its answers under its name."""

from uuid import uuid4

import pytest
from tests.conftest import Furze, both_databases
from tests.conversations.conftest import events_of, said
from tests.llm.conftest import Provider, provider
from tests.people.clients import Client, second_project

__all__ = ["provider"]

pytestmark = both_databases

OK = [{"choices": [{"index": 0, "delta": {"content": "ok"}, "finish_reason": "stop"}]}]


@pytest.fixture
def client(furze: Furze) -> Client:
    return second_project(furze)


def ask(client: Client, question: str) -> tuple[str, str]:
    body = {"content": question, "conversation": str(uuid4()), "trace_id": str(uuid4())}
    answer = client.furze.client.post(client.path("conversations/"), json=body)
    return said(events_of(answer.content))[-1]


def test_a_project_answers_with_its_own_model_until_it_is_taken_away(client: Client, provider: Provider) -> None:
    assert client.get("assistant_model/")["is_own"] is False
    chosen = {"provider": "openai", "model": "tiny", "base_url": f"{provider.url}/v1", "api_key": "sk-secret"}
    saved = client.send("PUT", "assistant_model/", chosen)
    assert saved == {
        "is_own": True,
        "model": "tiny",
        "provider": "openai",
        "has_api_key": True,
        "base_url": f"{provider.url}/v1",
    }
    assert client.get("assistant_model/") == saved
    provider.scripts += [OK, OK]
    assert client.post("assistant_model/test/", status=200) == {"works": True, "detail": "It said: ok"}
    assert ask(client, "hello") == ("ai", "ok")
    assert provider.headers[-1]["authorization"] == "Bearer sk-secret"
    assert provider.requests[-1]["model"] == "tiny"
    client.send("DELETE", "assistant_model/", status=204)
    assert "no language model" in ask(client, "how many unicorns last week")[1]
    assert len(provider.requests) == 2


def test_a_key_stays_when_it_is_not_sent_and_goes_with_its_provider(client: Client, provider: Provider) -> None:
    chosen = {"provider": "openai", "model": "a", "base_url": f"{provider.url}/v1", "api_key": "sk-secret"}
    client.send("PUT", "assistant_model/", chosen)
    del chosen["api_key"]
    assert client.send("PUT", "assistant_model/", chosen | {"model": "b"})["has_api_key"] is True
    provider.scripts.append(OK)
    client.post("assistant_model/test/", status=200)
    assert (provider.headers[-1]["authorization"], provider.requests[-1]["model"]) == ("Bearer sk-secret", "b")
    assert client.send("PUT", "assistant_model/", {"provider": "google", "model": "c"})["has_api_key"] is False


def test_a_key_is_not_taken_along_to_another_address(client: Client, provider: Provider) -> None:
    chosen = {"provider": "openai", "model": "a", "base_url": "https://models.example/v1", "api_key": "sk-secret"}
    client.send("PUT", "assistant_model/", chosen)
    moved = {"provider": "openai", "model": "a", "base_url": f"{provider.url}/v1"}
    assert client.send("PUT", "assistant_model/", moved)["has_api_key"] is False
    provider.scripts.append(OK)
    assert client.post("assistant_model/test/", status=200)["works"] is True
    assert "authorization" not in provider.headers[-1]


@pytest.mark.parametrize(
    ("script", "words"), [(401, "refused the API key"), (404, "no such model"), (429, "quota"), (500, "temporary")]
)
def test_a_model_that_does_not_work_says_why(client: Client, provider: Provider, script: int, words: str) -> None:
    chosen = {"provider": "openai", "model": "tiny", "base_url": f"{provider.url}/v1"}
    client.send("PUT", "assistant_model/", chosen)
    provider.scripts += [script, script]
    tested = client.post("assistant_model/test/", status=200)
    assert tested["works"] is False
    assert words in tested["detail"]
    assert words in ask(client, "hello")[1]


def test_an_address_where_nothing_answers_is_told(client: Client) -> None:
    chosen = {"provider": "openai", "model": "tiny", "base_url": "http://127.0.0.1:9/v1"}
    client.send("PUT", "assistant_model/", chosen)
    assert "Nothing answers at the address of the model." in client.post("assistant_model/test/", status=200)["detail"]
    refused = client.send("PUT", "assistant_model/", chosen | {"base_url": "ftp://x"}, 400)
    assert refused["attr"] == "base_url"


def test_the_key_is_in_no_dump_of_the_database(client: Client, furze: Furze) -> None:
    chosen = {"provider": "openai", "model": "tiny", "api_key": "sk-very-secret"}
    client.send("PUT", "assistant_model/", chosen)
    if furze.settings.database_url is None:
        files = [each for each in furze.settings.data.glob("furze.db*") if each.is_file()]
        assert not any(b"sk-very-secret" in each.read_bytes() for each in files)
    assert "sk-very-secret" not in str(client.get("activity_log/"))


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/latest", "http://[fe80::1]/v1", "http://nowhere.invalid/v1"]
)
def test_a_model_is_not_sought_at_a_metadata_address(client: Client, address: str) -> None:
    client.send("PUT", "assistant_model/", {"provider": "openai", "model": "tiny", "base_url": address})
    tested = client.post("assistant_model/test/", status=200)
    assert tested["works"] is False
    assert "is refused" in tested["detail"] or "is not known" in tested["detail"]
