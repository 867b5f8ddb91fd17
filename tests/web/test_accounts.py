"""Members, invites, passwords and projects as a person meets them in the console."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from furze.testing.process import PERSONAL_KEY, FurzeProcess

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def office(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FurzeProcess]:
    """A server that nobody has set up yet."""
    with FurzeProcess(tmp_path_factory.mktemp("office")) as furze:
        yield furze


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def test_an_invited_person_comes_in_changes_roles_and_leaves(office: FurzeProcess, open_page: Open) -> None:
    owner = open_page(office, "/settings")
    button(owner, "Invite").click()
    owner.get_by_label("Role", exact=True).select_option("administrator")
    button(owner, "Make a link").click()
    link = owner.locator("dialog .copyable code").inner_text()
    owner.keyboard.press("Escape")
    owner.get_by_text("invited as administrator").wait_for()

    guest = open_page(office, link.removeprefix(office.url), signed_in=False)
    guest.get_by_role("heading", name="Join Default organization").wait_for()
    guest.get_by_label("Your name").fill("Ada")
    guest.get_by_label("E-mail").fill("ada@example.com")
    guest.get_by_label("Password").fill("short")
    button(guest, "Join").click()
    guest.get_by_text("This password is too short").wait_for()
    guest.get_by_label("Password").fill("correct horse battery staple")
    button(guest, "Join").click()
    guest.locator(".brand").get_by_text("Default project").wait_for()

    owner.reload()
    with owner.expect_response(lambda answer: answer.request.method == "PATCH"):
        owner.get_by_label("Role of Ada").select_option("member")
    guest.goto("/settings")
    guest.get_by_text(re.compile("member since")).wait_for()
    assert button(guest, "New project").count() == 0
    button(guest, "Leave the organization").click()
    guest.get_by_role("dialog").get_by_role("button", name="Leave").click()
    guest.get_by_text("ada@example.com belongs to no organization.").wait_for()
    guest.get_by_label("Name of the organization").fill("Ada & Co")
    button(guest, "Create organization").click()
    guest.locator(".brand").get_by_text("Default project").wait_for()
    owner.reload()
    button(owner, "Invite").wait_for()
    owner.get_by_text(re.compile("owner since")).wait_for()
    assert owner.get_by_text("ada@example.com").count() == 0


def test_a_password_is_set_and_signs_in(office: FurzeProcess, open_page: Open) -> None:
    page = open_page(office, "/settings")
    button(page, "Set one").click()
    page.get_by_label("New password").fill("correct horse battery staple")
    button(page, "Save password").click()
    button(page, "Change it").wait_for()
    button(page, "Sign out").first.click()
    page.get_by_label("E-mail").fill("owner@localhost")
    page.get_by_label("Password").fill("guess")
    button(page, "Sign in").click()
    page.get_by_text("Invalid email or password.").wait_for()
    page.get_by_label("Password").fill("correct horse battery staple")
    button(page, "Sign in").click()
    page.locator(".brand").wait_for()
    button(page, "Sign out").first.click()
    button(page, "Use a personal API key").click()
    page.get_by_label("Personal API key").fill(PERSONAL_KEY)
    button(page, "Sign in").click()
    page.locator(".brand").wait_for()


def test_a_project_is_made_left_and_deleted(office: FurzeProcess, open_page: Open) -> None:
    page = open_page(office, "/settings")
    button(page, "New project").click()
    page.get_by_label("Name").last.fill("Shop")
    button(page, "Create project").click()
    page.locator(".brand").get_by_text("Shop").wait_for()
    page.goto("/settings")
    button(page, "Go to Default project").click()
    page.locator(".brand").get_by_text("Default project").wait_for()
    page.goto("/settings")
    button(page, "Go to Shop").click()
    page.locator(".brand").get_by_text("Shop").wait_for()
    page.goto("/settings")
    button(page, "Delete Shop").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    page.locator(".brand").get_by_text("Default project").wait_for()
    assert [each["name"] for each in page.request.get("/api/projects/").json()["results"]] == ["Default project"]
