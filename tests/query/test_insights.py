"""Saved insights over HTTP."""

import pytest

QUERY = {"kind": "InsightVizNode", "source": {"kind": "HogQLQuery", "query": "select 41 + 1 as answer"}}


@pytest.fixture
def insight(furze, unique):
    answer = furze.client.post(furze.api("insights/"), json={"name": f"Visits {unique}", "query": QUERY, "tags": ["a"]})
    assert answer.status_code == 201
    return answer.json()


def test_a_new_insight_has_ids_its_author_and_no_answer_yet(insight):
    assert len(insight["short_id"]) == 8
    assert insight["created_by"]["email"] == "owner@localhost"
    assert (insight["query"], insight["tags"], insight["result"]) == (QUERY, ["a"], None)


@pytest.mark.parametrize("mount", ["projects", "environments"])
@pytest.mark.parametrize("name", ["id", "short_id"])
def test_an_insight_comes_with_its_answer_when_it_is_asked_for(furze, insight, mount, name):
    path = furze.api(f"insights/{insight[name]}/", mount)
    assert furze.client.get(path, params={"refresh": "blocking"}).json()["result"] == [[42]]
    assert furze.client.post(path + "run/").json()["result"] == [[42]]
    again = furze.client.get(path).json()
    assert (again["result"], again["is_cached"]) == ([[42]], True)


def test_only_the_values_sent_change(furze, insight, unique):
    path = furze.api(f"insights/{insight['id']}/")
    changed = furze.client.patch(path, json={"name": f"Renamed {unique}"}).json()
    assert (changed["name"], changed["query"], changed["tags"]) == (f"Renamed {unique}", QUERY, ["a"])


def test_a_deleted_insight_leaves_the_lists_and_can_come_back(furze, insight, unique):
    def listed():
        return furze.client.get(furze.api("insights/"), params={"search": unique}).json()["count"]

    path = furze.api(f"insights/{insight['id']}/")
    assert listed() == 1
    assert furze.client.delete(path).status_code == 405
    assert furze.client.patch(path, json={"deleted": True}).status_code == 200
    assert listed() == 0
    furze.client.patch(path, json={"deleted": False})
    assert listed() == 1


def test_what_is_no_query_is_refused(furze):
    assert furze.client.post(furze.api("insights/"), json={"name": "x"}).json()["code"] == "required"
    assert furze.client.post(furze.api("insights/"), json={"query": {}}).status_code == 400
    assert furze.client.get(furze.api("insights/nothing/")).status_code == 404
