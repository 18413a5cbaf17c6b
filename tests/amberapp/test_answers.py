"""What every answer has, whoever asks: a strict policy, one shape of mistakes, deeds in the audit, accounts that stay closed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amberapp.configuration import ConfigurationError, read
from amberapp.demo import create_accounts
from amberapp.errors import UserError
from amberapp.jobs import JobStopped
from amberapp.models import AuditEntry, Job, User, WorkState
from detection.description.features import usable_extractor
from detection.training.dataset import TrainingRow, freeze
from detection.training.train import train
from tests.findings import make_classifier, make_run

pytestmark = pytest.mark.django_db


def test_every_answer_forbids_foreign_scripts_and_frames(visitors: dict[str, Client]) -> None:
    for role, client in visitors.items():
        for address in ("/", "/label/", "/manage/", "/account/login/", "/nothing-here/", "/api/docs/"):
            answer = client.get(address)
            policy = answer.headers["Content-Security-Policy"]
            assert "script-src 'self';" in policy + ";", (role, address)
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy


def test_api_mistakes_have_one_shape(visitors: dict[str, Client]) -> None:
    for address in ("/api/runs/77/", "/api/jobs/77/", "/api/nothing/", "/api/detections/?run=x"):
        body = json.loads(visitors["admin"].get(address).content)
        assert set(body["error"]) == {"code", "message", "fields"}, address


def test_a_job_that_has_ended_cannot_be_cancelled_and_says_so(
    carol: Any, visitors: dict[str, Client]
) -> None:
    job = Job.objects.create(kind="test.done", state=WorkState.DONE)
    answer = visitors["admin"].post(f"/api/jobs/{job.pk}/cancel/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert not AuditEntry.objects.filter(verb="job.cancelled").exists()


def test_cancelling_twice_leaves_one_audit_row(visitors: dict[str, Client]) -> None:
    job = Job.objects.create(kind="test.running", state=WorkState.RUNNING)
    assert [visitors["admin"].post(f"/api/jobs/{job.pk}/cancel/").status_code for _ in range(2)] == [200, 200]
    assert AuditEntry.objects.filter(verb="job.cancelled").count() == 1


def test_demo_accounts_open_nothing_once_demo_mode_is_over(settings: Any) -> None:
    settings.DEMO = True
    create_accounts()
    visitor = Client()
    assert visitor.post("/account/login/", {"login": "olena", "password": "amber-olena"}).status_code == 302
    assert visitor.get("/manage/").status_code == 200
    settings.DEMO = False
    assert visitor.get("/manage/")["Location"].startswith("/account/login/"), "the session outlives demo mode"
    again = Client()
    assert again.post("/account/login/", {"login": "olena", "password": "amber-olena"}).status_code == 200
    assert again.get("/manage/").status_code == 302


def test_registering_and_changing_a_password_leave_audit_rows() -> None:
    visitor = Client()
    said = {"username": "hanna", "password1": "Burshtyn-2018", "email": ""}
    assert visitor.post("/account/signup/", said).status_code == 302
    new = {"oldpassword": "Burshtyn-2018", "password1": "Polissia-2019", "password2": "Polissia-2019"}
    visitor.post("/account/password/change/", new)
    rows = AuditEntry.objects.filter(actor__username="hanna").order_by("id")
    assert [row.verb for row in rows] == ["person.registered", "person.password_changed"]
    assert rows[0].details == {"role": "volunteer"}


def test_nobody_registers_as_more_than_a_volunteer() -> None:
    said = {
        "username": "mallory",
        "password1": "Burshtyn-2018",
        "email": "",
        "role": "admin",
        "is_staff": "1",
    }
    Client().post("/account/signup/", said)
    person = User.objects.get(username="mallory")
    assert (person.role, person.is_staff, person.is_superuser, person.demo) == (
        "volunteer",
        False,
        False,
        False,
    )


def test_a_training_that_was_cancelled_at_its_end_keeps_no_classifier(
    region: Any, make_tile: Callable[..., Any]
) -> None:
    rows = []
    for seed in range(1, 5):
        tile = make_tile(seed).segmented.get()
        rows += [TrainingRow(tile.pk, piece, piece % 2 == 0) for piece in range(1, tile.superpixels + 1)]
    dataset = freeze(region=region, rows=rows, acting_user=None)

    def progress(done: int, total: int, message: str) -> None:
        if done == total and message == "Done":
            raise JobStopped

    with pytest.raises(JobStopped):
        train(
            dataset=dataset,
            region=region,
            algorithm="svm",
            extractor_name="texture",
            acting_user=None,
            progress=progress,
        )
    region.refresh_from_db()
    assert (region.classifiers.count(), region.active_classifier) == (0, None)


@pytest.mark.parametrize("name", ["AMBER_LEASE_SECONDS", "AMBER_SHARD_TILES"])
def test_a_number_that_would_stop_the_site_is_refused_at_its_start(name: str) -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        read({name: "0"})


def test_the_weights_file_comes_from_the_settings_table(settings: Any) -> None:
    settings.AMBER = {**settings.AMBER, "AMBER_RESNET50_WEIGHTS": "/nowhere/weights.h5"}
    with pytest.raises(UserError, match="/nowhere/weights.h5, does not exist"):
        usable_extractor("resnet50")


def test_a_page_of_runs_asks_as_often_as_one_run(
    region: Any, visitors: dict[str, Client], make_tile: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    tile = make_tile(1)
    classifier = make_classifier(region)
    first = make_run(classifier, [tile])
    with CaptureQueriesContext(connection) as one:
        visitors["expert"].get("/api/runs/")
    for _number in range(4):
        make_run(classifier, [tile])
    with django_assert_num_queries(len(one)):
        found = visitors["expert"].get("/api/runs/").json()["results"]
    assert [run["detections"] for run in found] == [1] * 5
    assert found[-1] == visitors["expert"].get(f"/api/runs/{first.pk}/").json()
