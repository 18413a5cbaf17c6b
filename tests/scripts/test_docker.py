"""The container files, checked without a container engine: they parse, agree with docs/running.md, keep secrets out."""

import json
import re
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

from amberapp.configuration import TABLE
from tests.paths import ROOT

DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker" / "compose.yml").read_text()))


@pytest.fixture(scope="module")
def documented() -> list[str]:
    """The lines of code blocks in docs/running.md."""
    blocks = re.findall(r"^```\n(.*?)^```", (ROOT / "docs" / "running.md").read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


def without_hints(command: str) -> str:
    """`${NAME:?hint}` → `${NAME}`: the hint is for whoever forgets the variable."""
    return re.sub(r"\$\{(\w+):\?[^}]*\}", r"${\1}", command)


def test_every_part_of_the_site_has_a_container(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {
        *("postgres", "redis", "counts", "nginx"),
        *("migrate", "collectstatic", "web", "sweeper"),
        *("worker-light", "worker-heavy", "worker-gpu"),
    }


def test_every_command_of_a_container_is_documented(compose: dict[str, Any], documented: list[str]) -> None:
    commands = [service["command"] for service in compose["services"].values() if "command" in service]
    assert len(commands) == 9
    assert [command for command in commands if without_hints(command) not in documented] == []


def test_every_command_of_an_image_is_documented(documented: list[str]) -> None:
    commands = [" ".join(json.loads(line)) for line in re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.M)]
    assert len(commands) == 3
    assert [command for command in commands if command not in documented] == []


def test_every_queue_has_a_worker_and_every_worker_a_queue_that_exists(compose: dict[str, Any]) -> None:
    served = [
        re.findall(r"--queues (\S+)", service["command"])
        for name, service in compose["services"].items()
        if name.startswith("worker") and not service.get("profiles")
    ]
    assert sorted(sum(served, [])) == sorted(queue.name for queue in settings.CELERY_TASK_QUEUES)


def test_a_gpu_is_asked_for_by_its_profile_alone(compose: dict[str, Any]) -> None:
    wanting = {name for name, service in compose["services"].items() if "deploy" in service}
    assert wanting == {"worker-gpu"}
    assert compose["services"]["worker-gpu"]["profiles"] == ["gpu"]


def test_no_secret_has_a_default(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker" / "compose.yml").read_text()
    for name in ("AMBER_SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "TLS_DIRECTORY"):
        uses = re.findall(rf"\$\{{{name}([^}}]*)\}}", text)
        assert uses, name
        assert all(use.startswith(":?") and len(use) > 2 for use in uses), name


def test_every_setting_in_a_container_exists(compose: dict[str, Any]) -> None:
    known = {variable.name for variable in TABLE}
    for name, service in compose["services"].items():
        settings = {key for key in service.get("environment", {}) if key.startswith("AMBER_")}
        assert settings <= known, name


def test_every_setting_reaches_the_containers_with_its_own_default(compose: dict[str, Any]) -> None:
    passed = compose["services"]["web"]["environment"]
    known = {variable.name: variable for variable in TABLE}
    assert set(known) - set(passed) == {"AMBER_HOME", "AMBER_DEMO", "AMBER_DEBUG"}
    for name, given in passed.items():
        default = re.fullmatch(rf"\$\{{{name}:-(.*)\}}", given)
        if default:
            variable = known[name]
            assert variable.kind(default[1]) == variable.kind(variable.default), name


def test_the_demo_never_runs_in_a_container(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert "AMBER_DEMO" not in service.get("environment", {})
    assert "AMBER_DEMO" not in DOCKERFILE


def test_every_worker_is_asked_whether_it_answers(compose: dict[str, Any], documented: list[str]) -> None:
    workers = {name: one for name, one in compose["services"].items() if name.startswith("worker")}
    assert len(workers) == 3
    for name, service in workers.items():
        check = service["healthcheck"]
        assert check["test"][0] == "CMD", name
        assert " ".join(check["test"][1:]) in documented, name
        assert check["test"][-1] in get_commands(), name
        # By default the name of the worker is that of its machine: one that has another is not found by it.
        assert not re.search(r"(-n|--hostname)\b", service["command"]), name
        assert check["retries"] >= 2, "a broker that starts again must not make all workers ill at once"


def test_what_is_done_once_ends_and_what_serves_comes_back(compose: dict[str, Any]) -> None:
    once = {
        name
        for service in compose["services"].values()
        for name, waited in dict(service.get("depends_on", {})).items()
        if waited["condition"] == "service_completed_successfully"
    }
    assert once == {"migrate", "collectstatic"}
    for name, service in compose["services"].items():
        if name in once:
            assert re.fullmatch(r"on-failure:[1-9]\d*", service["restart"]), name
            assert service["healthcheck"] == {"disable": True}, (
                f"{name}: the image's check asks for a web server"
            )
        else:
            assert service["restart"] == "unless-stopped", name


def test_services_wait_for_services_that_exist(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert set(service.get("depends_on", {})) <= set(compose["services"])


def test_everything_the_images_copy_exists_and_reaches_the_builder() -> None:
    let_through = {
        line[1:]
        for line in (ROOT / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = set()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M):
        copied.update(line.split()[:-1])
    assert copied == let_through
    assert [path for path in copied if not (ROOT / path).exists()] == []


def test_the_images_do_not_run_as_root() -> None:
    base = DOCKERFILE[DOCKERFILE.index("AS base") :]
    assert "\nUSER amber\n" in base
    assert "USER root" not in base


def test_nginx_writes_no_log_but_the_nameless_one() -> None:
    """A log named outside the servers would be written beside the image's own, which names every visitor."""
    text = re.sub(r"(?m)#.*$", "", (ROOT / "docker" / "nginx.conf").read_text())
    servers = re.findall(r"(?ms)^server \{\n(.*?)^\}", text)
    assert len(servers) == 2
    for server in servers:
        assert re.findall(r"access_log (.*?);", server) == ["/dev/stdout nameless"]
        assert re.findall(r"error_log (.*?);", server) == ["/dev/stderr emerg"]
    assert text.count("access_log") == text.count("error_log") == len(servers)
    (nameless,) = re.findall(r"log_format nameless (.*?);\n", text)
    assert set(re.findall(r"\$\{?(\w+)", nameless)) == {
        *("time_iso8601", "request_method", "told_path", "status", "body_bytes_sent", "request_time"),
    }


def test_nginx_passes_on_whatever_the_site_takes() -> None:
    text = (ROOT / "docker" / "nginx.conf").read_text()
    limit, *_others = re.findall(r"client_max_body_size (\d+)m;", text)
    assert int(limit) * 2**20 > settings.PEOPLE_SEND_AT_MOST
    # Citizens' photos as they came wait in memory, and no larger ones are taken: those would be written to the disk.
    (doors,) = re.findall(
        r"location ~ (\S+) \{\n(?:.*\n)*?\s+client_max_body_size (\d+)m;\n\s+client_body_buffer_size (\d+)m;",
        text,
    )
    assert all(re.match(doors[0], address) for address in ("/report/", "/api/reports/"))
    assert doors[1] == doors[2]
    assert int(doors[1]) * 2**20 >= settings.STRANGERS_SEND_AT_MOST
