"""The API as its own OpenAPI schema promises it, tried by schemathesis on a live server.

For every operation requests are made that fit the schema and requests that do not, as a citizen and as an admin. No answer
is the server's mistake, every refusal has the one error shape, and what is answered is what the schema says.
"""

import io
import unicodedata
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import requests
import schemathesis
from django.core.management import call_command
from django.middleware.csrf import get_token
from django.test import Client, RequestFactory
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from labeling.models import Report
from labeling.releases.publish import publish_release
from tests.published import approve_all, found_on

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# Requests for each operation: many where a citizen may pass, few where the door only says so.
OPEN_DOORS = ("/api/reports/", "/api/releases/", "/api/releases/{release_id}/")
MANY, SOME, FEW = 20, 5, 2
CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance, status_code_conformance]


@pytest.fixture
def site(region: Any, make_tile: Callable[..., Any], bob: Any, carol: Any, settings: Any) -> Any:
    settings.AMBER = {**settings.AMBER, "AMBER_REPORTS_PER_HOUR": 10_000}
    run = found_on(region, [make_tile(seed) for seed in range(2)])
    approve_all(run, bob)
    return publish_release(run=run, acting_user=carol)


def session_of(person: Any | None, address: str) -> requests.Session:
    """A browser's session: logged in, with the token against forged forms."""
    session = requests.Session()
    if person is not None:
        client = Client()
        client.force_login(person)
        token = get_token(RequestFactory().get("/"))
        session.cookies.set("sessionid", client.cookies["sessionid"].value)
        session.cookies.set("csrftoken", token)
        session.headers.update({"X-CSRFToken": token, "Referer": address})
    return session


@pytest.mark.parametrize("who", ["citizen", "admin"])
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_operation_answers_as_the_schema_says(
    who: str, mode: GenerationMode, site: Any, live_server: Any, carol: Any
) -> None:
    schema = schemathesis.openapi.from_url(f"{live_server.url}/api/schema/?format=json")
    session = session_of(carol if who == "admin" else None, live_server.url)
    real = {
        **dict.fromkeys(("release", "release_id"), site.pk),
        **dict.fromkeys(("run", "run_id", "other_id"), site.run_id),
        "region": site.region_id,
        "classifier": site.run.classifier_id,
        "detection_id": site.run.detections.first().pk,
        "segmented_tile_id": site.run.detections.first().segmented_tile_id,
        "latitude": 51.5,
        "longitude": 26.5,
    }
    wrong: list[str] = []
    answers: Counter[int] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()
        examples = MANY if operation.path in OPEN_DOORS else FEW if who == "citizen" else SOME
        try:
            strategy = operation.as_strategy(generation_mode=mode)

            @given(case=strategy)
            @settings(
                max_examples=examples,
                derandomize=True,
                database=None,
                deadline=None,
                verbosity=Verbosity.quiet,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def ask(case: Any) -> None:
                if mode == GenerationMode.POSITIVE and sum(answers.values()) % 3:
                    # Made-up numbers name nothing: two of three requests are about what is there.
                    for part in (case.path_parameters, case.body):
                        if isinstance(part, dict):
                            part.update({name: value for name, value in real.items() if name in part})
                answer = case.call(session=session, timeout=20)
                answers[answer.status_code] += 1
                case.validate_response(answer, checks=CHECKS)

            ask()
        except Unsatisfiable:
            assert mode == GenerationMode.NEGATIVE, "an operation without parameters has no wrong request"
        except Exception as error:  # every finding of every operation is told, not the first alone
            wrong.append(
                f"{operation.method.upper()} {operation.path}: {type(error).__name__} {error}"[:1500]
            )
    assert wrong == []
    assert sum(answers.values()) > 60
    if mode == GenerationMode.POSITIVE:
        assert answers[200] and answers[201], answers
    said = "".join(Report.objects.values_list("comment", flat=True))
    assert not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") for letter in said.replace("\n", ""))


def test_the_schema_is_made_without_a_doubt() -> None:
    """Two components of one name, or two lists of choices of one, would make the schema say something else."""
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=io.StringIO())
