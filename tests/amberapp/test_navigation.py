"""Which links a person has, and where among them a page stands."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.urls import resolve

from amberapp.web.navigation import crowd_links, manage_links, site_links


def asking(path: str, user: Any = None) -> Any:
    request = RequestFactory().get(path)
    request.user = user or AnonymousUser()
    request.resolver_match = resolve(path)
    return request


def current(links: list[Any]) -> dict[str, str]:
    return {link.address: link.current for link in links if link.current}


def test_a_stranger_has_the_map_the_guide_and_the_releases() -> None:
    links = site_links(asking("/releases/"))
    assert [link.address for link in links] == ["/", "/how-to-tell/", "/releases/"]
    assert current(links) == {"/releases/": "page"}


@pytest.mark.database
def test_each_role_has_the_links_of_those_before_it(alice: Any, bob: Any, carol: Any) -> None:
    volunteer, expert, admin = (
        {link.address for link in site_links(asking("/", person))} for person in (alice, bob, carol)
    )
    assert volunteer < expert < admin
    assert "/manage/" in admin - expert
    assert "/review/" in expert - volunteer


@pytest.mark.database
def test_a_page_below_an_entry_marks_the_entry(carol: Any) -> None:
    assert current(site_links(asking("/review/reports/", carol))) == {"/review/reports/": "page"}
    assert current(site_links(asking("/manage/runs/1/", carol))) == {"/manage/": "true"}
    assert current(manage_links(asking("/manage/runs/1/", carol))) == {"/manage/runs/": "true"}


@pytest.mark.database
def test_only_pages_about_volunteers_have_a_second_row(carol: Any) -> None:
    assert crowd_links(asking("/manage/runs/", carol)) == []
    request = asking("/manage/volunteers/", carol)
    assert current(crowd_links(request)) == {"/manage/volunteers/": "page"}
    assert current(manage_links(request)) == {"/manage/volunteers/": "page"}
