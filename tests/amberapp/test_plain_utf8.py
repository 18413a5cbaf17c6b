"""A stranger names a charset: whatever it is, nobody waits and nothing breaks. Through the very application that gunicorn serves."""

import io
import json
from collections.abc import Callable
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from amberapp.web.plain_utf8 import without_charset

pytestmark = [pytest.mark.django_db]

Served = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def served(db: Any, settings: Any) -> Served:
    from amberapp.wsgi import application

    settings.ALLOWED_HOSTS = ["127.0.0.1"]

    def ask(
        method: str, path: str, kind: str, body: bytes = b"", **more: str
    ) -> tuple[int, dict[str, str], bytes]:
        path, _mark, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": kind,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "HTTP_HOST": "127.0.0.1",
        } | more
        setup_testing_defaults(environ)
        told: list[Any] = []
        parts = application(environ, lambda status, headers, *_error: told.append((status, dict(headers))))
        data = b"".join(parts)
        close = getattr(parts, "close", None)
        if close is not None:
            close()
        status, headers = told[0]
        return int(status.split()[0]), headers, data

    return ask


def form(size: int) -> bytes:
    field = b'--x\r\nContent-Disposition: form-data; name="comment"\r\n\r\n' + b"a" * size
    return field + b"\r\n--x--\r\n"


@pytest.mark.parametrize("door", ["/api/reports/", "/report/", "/account/login/"])
@pytest.mark.parametrize("charset", ["punycode", "idna", "utf-7", "rot13", "zip", "windows-1251"])
def test_a_form_in_another_charset_is_refused_before_it_is_read(
    served: Served, door: str, charset: str
) -> None:
    """A megabyte in punycode took half a minute of a worker."""
    status, _headers, data = served(
        "POST",
        door,
        f"multipart/form-data; boundary=x; charset={charset}",
        form(1_000_000),
        HTTP_COOKIE="csrftoken=" + "a" * 32,
    )
    assert status == 415
    if door.startswith("/api/"):
        assert json.loads(data)["error"]["code"] == "unsupported_media_type"
    assert "UTF-8" in data.decode()


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain; charset=rot13",
        "text/plain; charset=undefined",
        "text/plain; charset=hex",
        "text/plain; charset*=utf-8''a%00b",
        'text/plain; charset="""',
        ";charset=;boundary=",
        "\x00/\x00; boundary=\x00",
        "multipart/form-data; boundary=" + "b" * 10_000,
    ],
)
def test_no_content_type_breaks_a_page(served: Served, kind: str) -> None:
    status, headers, _data = served("GET", "/about/?a=1", kind)
    assert status == 200
    assert "Content-Security-Policy" in headers
    assert served("POST", "/report/?a=1", kind, b"x")[0] < 500


def test_what_browsers_and_programs_send_is_read_as_before(served: Served) -> None:
    for kind in ("application/json", "application/json; charset=utf-8", 'application/json; charset="UTF-8"'):
        status, _headers, data = served("POST", "/api/reports/", kind, b"{}")
        assert status == 400, data
        assert "category" in json.loads(data)["error"]["fields"]
    boundary = "----WebKitFormBoundaryAbC123"
    body = form(3).replace(b"--x", b"--" + boundary.encode())
    status, _headers, data = served(
        "POST", "/api/reports/", f"multipart/form-data; boundary={boundary}", body
    )
    assert "comment" not in json.loads(data)["error"]["fields"] and status == 400
    assert (
        without_charset('multipart/form-data; charset=utf-8; boundary="a b"')
        == 'multipart/form-data; boundary="a b"'
    )


def test_halves_of_letters_are_quoted_back_as_a_question_mark(bob: Any, client_of: Any) -> None:
    answer = client_of(bob).post(
        "/api/detections/1/reviews/", json.dumps({"verdict": "\ud800"}), content_type="application/json"
    )
    assert answer.status_code == 400
    assert "?" in answer.json()["error"]["fields"]["verdict"][0]


def test_half_a_letter_in_a_report_is_refused_with_a_sentence_about_its_field(served: Served) -> None:
    report = json.dumps({"category": "\ud800", "release": 1})
    status, _headers, data = served("POST", "/api/reports/", "application/json", report.encode())
    assert status == 400
    assert json.loads(data)["error"]["fields"]["category"][0]


@pytest.mark.database
def test_a_session_cookie_that_is_none_is_no_session(served: Served) -> None:
    """PostgreSQL takes no text with a NUL in it."""
    for cookie in (
        'sessionid="abcdefghij\\000"',
        "sessionid=" + "ы".encode().decode("latin-1") * 10,
        "sessionid=" + "a" * 5000,
    ):
        assert served("GET", "/about/", "", HTTP_COOKIE=cookie)[0] == 200, cookie
