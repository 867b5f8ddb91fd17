"""Bodies, methods and paths, whatever the endpoint."""

from collections.abc import Iterator

import pytest
from tests.conftest import Furze, both_databases

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


STRANGE_JSON = {
    "deep": b'{"scope": "person", "content": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}",
    "deeper than can be written": b'{"scope": "person", "content": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}",
    "half a surrogate pair": rb'{"scope": "person", "content": {"a": "\ud800", "\udfff": 1}}',
    "a long integer": b'{"scope": "person", "content": {"a": [NaN], "b": ' + b"9" * 5_000 + b"}}",
    "an integer beyond 64 bits": b'{"scope": "person", "content": {"a": [18446744073709551616, -9999999999999999999]}}',
    "broken UTF-8": b'{"scope": "person", "content": {"a": "\xff"}}',
    "NUL": rb'{"scope": "person", "content": {"a": "\u0000", "b\u0000": "\\u0000"}}',
}


@both_databases
@pytest.mark.parametrize("name", STRANGE_JSON)
def test_json_that_few_senders_send_is_stored_or_refused(furze: Furze, name: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = furze.client.post(furze.api(CONFIGS), content=STRANGE_JSON[name], headers=headers)
    assert answer.status_code in (201, 400), answer.text
    form = furze.client.post(furze.api(CONFIGS), data={"scope": "person", "content": STRANGE_JSON[name][31:-1]})
    assert form.status_code in (201, 400), form.text
    for row in (each.json() for each in (answer, form) if each.status_code == 201):
        assert furze.client.get(furze.api(CONFIGS) + row["id"]).json()["content"] == row["content"]


@both_databases
def test_a_nul_in_a_path_or_query_finds_nothing(furze: Furze) -> None:
    assert furze.client.get(furze.api("persons/%00")).status_code == 404
    assert furze.client.get(furze.api("persons/") + "?distinct_id=%00&search=%00").json()["results"] == []
    assert furze.client.get("/api/projects/%00/persons").status_code == 404


@both_databases
def test_page_numbers_may_be_larger_than_any_database_counts(furze: Furze) -> None:
    for path in ("customer_profile_configs", "persons", "events", "insights", "conversations", "batch_exports"):
        for query in (
            f"limit={10**30}",
            f"offset={10**30}",
            f"limit={2**63 - 1}&offset={2**63 - 1}",
            f"limit={'9' * 5000}",
        ):
            answer = furze.client.get(furze.api(path) + "?" + query)
            assert answer.status_code == 200, (path, query[:40], answer.text)


def test_a_form_over_the_limit_is_refused_however_it_comes(furze: Furze) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
        for _ in range(21):
            yield b" " * (1024 * 1024)
        yield b"\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert furze.client.post(furze.api(CONFIGS), content=pieces(), headers=headers).status_code == 413


def test_a_broken_form_is_told_so(furze: Furze) -> None:
    for media_type in ("multipart/form-data", "multipart/form-data; boundary=x"):
        answer = furze.client.post(furze.api(CONFIGS), content="scope=person", headers={"Content-Type": media_type})
        assert (answer.status_code, answer.json()["code"]) == (400, "parse_error"), answer.text


def test_head_is_get_without_a_body_and_options_describes(furze: Furze) -> None:
    for path in (furze.api(CONFIGS), "/api/projects/@current", "/api/schema", "/"):
        assert (furze.client.get(path).status_code, furze.client.head(path).status_code) == (200, 200)
        assert furze.client.head(path).content == b""
    described = furze.client.options(furze.api(CONFIGS))
    assert (described.status_code, described.headers["allow"]) == (200, "GET, HEAD, OPTIONS, POST")
    assert {"name", "description", "renders", "parses"} <= described.json().keys()
    assert furze.client.head(furze.api("query/upgrade")).status_code == 404
    assert furze.client.request("TRACE", furze.api(CONFIGS)).status_code == 405


def test_the_last_of_equal_parameters_counts(furze: Furze) -> None:
    page = furze.client.get(furze.api("persons") + "?limit=5&limit=1&offset=x&offset=0")
    assert page.status_code == 200


def test_a_browser_may_ask_from_any_origin_with_credentials(furze: Furze) -> None:
    headers = {
        "Origin": "https://shop.example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    for path in ("/e/", "/batch/", furze.api("query/")):
        preflight = furze.client.options(path, headers=headers)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "https://shop.example.com"
        assert preflight.headers["access-control-allow-credentials"] == "true"


def test_odd_headers_never_make_the_server_fail(furze: Furze) -> None:
    odd = [
        {"Authorization": "Bearer \xff\xfe"},
        {"Authorization": "Bearer" + " " * 3000 + "."},
        {"Content-Type": 'multipart/form-data; boundary="\xff"'},
        {"Content-Type": "application/json; charset=utf-16"},
        {"X-Forwarded-Host": "a b\xff,,", "X-Forwarded-Proto": ","},
        {"Accept": ";q=x,*/*;q="},
        {"Last-Event-ID": "9" * 400},
        {"Cookie": "sessionid=\xff; posthog_csrftoken=;;;"},
    ]
    for headers in odd:
        for method, path in (("GET", "persons/?limit=1"), ("POST", "customer_profile_configs/"), ("POST", "query/")):
            sent = {name: value.encode("latin-1") for name, value in headers.items()}
            answer = furze.client.request(method, furze.api(path), headers=sent, content=b"{}")
            assert answer.status_code < 500, (headers, path, answer.text)
