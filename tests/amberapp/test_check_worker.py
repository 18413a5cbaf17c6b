"""What a container's healthcheck asks a worker."""

import io
import socket
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from amberapp import jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A broker on which one worker answers: that of this machine. Whom it was asked for."""
    settings.REDIS_URL = "redis://nowhere"
    names: list[Any] = []

    def ping(*, destination: list[str] | None = None, timeout: float) -> list[dict[str, Any]]:
        names.append(destination)
        return [{one: {"ok": "pong"}} for one in destination or [] if one == f"celery@{socket.gethostname()}"]

    monkeypatch.setattr(jobs.celery.control, "ping", ping)
    return names


def test_a_worker_that_answers_is_well(asked: list[Any]) -> None:
    out = io.StringIO()
    call_command("check_worker", stdout=out)
    assert out.getvalue() == f"celery@{socket.gethostname()} answers.\n"
    assert asked == [[f"celery@{socket.gethostname()}"]]


def test_the_worker_of_another_machine_does_not_answer_for_this_one(
    asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "worker_of_this_machine", lambda: "celery@elsewhere")
    with pytest.raises(CommandError, match="celery@elsewhere does not answer"):
        call_command("check_worker")


def test_a_broker_that_is_away_is_said(
    settings: Any, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_asked: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(jobs.celery.control, "ping", away)
    with pytest.raises(CommandError, match="broker"):
        call_command("check_worker")


def test_a_worker_without_its_database_is_not_well(asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", away)
    with pytest.raises(CommandError, match="database does not answer: connection refused"):
        call_command("check_worker")
    assert asked == []
