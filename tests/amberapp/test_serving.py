"""The web server's log names nobody and no private link."""

import datetime as dt
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config

from amberapp import serving


@pytest.fixture
def log(tmp_path: Path) -> tuple[Any, Path]:
    path = tmp_path / "access.log"
    config = Config()
    config.set("accesslog", str(path))
    config.set("access_log_format", serving.access_log_format)
    config.set("errorlog", str(tmp_path / "error.log"))
    return serving.NamelessLog(config), path


def test_a_line_tells_what_was_asked_and_not_who_asked(log: tuple[Any, Path]) -> None:
    logger, path = log
    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": "/report/s3cret-token/?from=citizen",
        "PATH_INFO": "/report/s3cret-token/\nfaked line",
        "QUERY_STRING": "from=citizen",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "203.0.113.77",
        "HTTP_USER_AGENT": "SecretBrowser/1.0",
        "HTTP_REFERER": "https://from.example/",
    }
    request = SimpleNamespace(
        headers=[("X-FORWARDED-FOR", "203.0.113.77"), ("USER-AGENT", "SecretBrowser/1.0")]
    )
    answer = SimpleNamespace(status="200 OK", sent=321, headers=[("Location", "/report/s3cret-token/")])
    logger.access(answer, request, environ, dt.timedelta(milliseconds=12))
    # Whatever format an operator asks for, there is nothing to fill it with.
    logger.cfg.set(
        "access_log_format", "%(h)s %(r)s %(q)s %(a)s %(f)s %({x-forwarded-for}i)s %({location}o)s"
    )
    logger.access(answer, request, environ, dt.timedelta(milliseconds=12))
    told = path.read_text()
    assert told.splitlines()[0].endswith("GET /report/…/?faked line 200 321 12ms")
    assert len(told.splitlines()) == 2
    for trace in ("203.0.113.77", "s3cret", "citizen", "SecretBrowser", "from.example"):
        assert trace not in told


def test_a_warning_of_a_broken_request_has_no_address(log: tuple[Any, Path], tmp_path: Path) -> None:
    logger, _path = log
    logger.warning("Invalid request from ip=203.0.113.77: bad head")
    logger.warning("Invalid request from ip=2001:db8::7: bad head")
    told = (tmp_path / "error.log").read_text()
    assert told.count("Invalid request: bad head") + told.count("Invalid request : bad head") == 2
    assert "203.0.113" not in told
    assert "2001:db8" not in told
    logging.getLogger("gunicorn.error").handlers.clear()
    logging.getLogger("gunicorn.access").handlers.clear()
