"""Whether the console captures its own use, and where."""

from pathlib import Path

import httpx2 as httpx

from furze.testing.process import FurzeProcess


def token(furze: FurzeProcess) -> str | None:
    """What a signed-in browser is told."""
    path = furze.client.post("/api/sign_in_links/").json()["path"]
    with httpx.Client(base_url=furze.url, follow_redirects=True) as browser:
        signed_in = browser.post("/api/login/", json={"token": path.partition("token=")[2]})
        assert signed_in.status_code in (200, 201), signed_in.text
        headers = {"X-CSRFToken": browser.cookies["posthog_csrftoken"]}
        found: str | None = browser.post("/api/own_use/", headers=headers).json()["token"]
        return found


def test_it_goes_into_one_project_named_furze_and_a_key_is_told_nothing(tmp_path: Path) -> None:
    with FurzeProcess(tmp_path) as furze:
        assert furze.client.post("/api/own_use/").json() == {"token": None}
        first = token(furze)
        assert first
        assert token(furze) == first
        projects = furze.client.get("/api/projects/").json()["results"]
        assert [each["api_token"] for each in projects if each["name"] == "furze"] == [first]


def test_a_setting_turns_it_off(tmp_path: Path) -> None:
    with FurzeProcess(tmp_path, FURZE_CAPTURE_OWN_USE="false") as furze:
        assert token(furze) is None
        assert len(furze.client.get("/api/projects/").json()["results"]) == 1
