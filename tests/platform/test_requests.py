"""Bodies, methods and paths, whatever the endpoint."""

from tests.conftest import Furze

CONFIGS = "customer_profile_configs/"


def test_text_that_is_no_json_is_told_what_to_send(furze: Furze) -> None:
    answer = furze.client.post(
        furze.api(CONFIGS), content='scope="person"', headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    body = answer.json()
    assert (body["type"], body["code"], body["attr"]) == ("invalid_request", "parse_error", None)
    assert body["detail"].startswith("JSON parse error - Expecting value: line 1 column 1 (char 0)")
    assert "Send a JSON object" in body["detail"]


def test_another_media_type_is_refused_by_name(furze: Furze) -> None:
    answer = furze.client.post(furze.api(CONFIGS), content="x", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert answer.json()["detail"].startswith('Unsupported media type "text/plain" in request.')


def test_a_body_over_the_limit_is_refused_before_it_is_read(furze: Furze) -> None:
    answer = furze.client.post(
        furze.api(CONFIGS), content=b" " * (21 * 1024 * 1024), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413


def test_an_unknown_path_and_method_answer_in_the_envelope(furze: Furze) -> None:
    assert furze.client.get("/api/nothing/").json()["code"] == "not_found"
    refused = furze.client.delete(furze.api(CONFIGS))
    assert (refused.status_code, refused.json()["detail"]) == (405, 'Method "DELETE" not allowed.')
    assert "GET" in refused.headers["allow"]


def test_bad_page_numbers_mean_the_default(furze: Furze) -> None:
    for query in ("limit=0", "limit=-1", "limit=x", "offset=-2", "offset=y", "limit=100000"):
        assert furze.client.get(furze.api(CONFIGS) + "?" + query).status_code == 200


def test_links_follow_the_host_a_proxy_names(furze: Furze) -> None:
    for _ in range(2):
        furze.client.post(furze.api(CONFIGS), json={"scope": "group_3"})
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "furze.example.com"}
    page = furze.client.get(furze.api(CONFIGS), params={"scope": "group_3", "limit": 1}, headers=headers).json()
    assert page["next"].startswith(
        "https://furze.example.com/api/projects/1/customer_profile_configs/?limit=1&offset=1"
    )


def test_the_openapi_document_lists_each_endpoint_under_both_mounts_with_its_scope(furze: Furze) -> None:
    document = furze.client.get("/api/schema/").json()
    assert document["openapi"].startswith("3.1")
    for mount in ("projects", "environments"):
        operation = document["paths"][f"/api/{mount}/{{project_id}}/customer_profile_configs"]["post"]
        assert operation["x-required-scope"] == "customer_profile_config:write"
        assert "scope" in operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
