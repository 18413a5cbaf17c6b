"""gunicorn's configuration (`gunicorn --config python:amberapp.serving …`): an access log that names nobody.

Reports come without accounts because their senders can be at risk. A log of addresses beside the times of reports would
undo that, and so would the private link of a report: neither is written. What is left is what an operator needs: when,
what, how it ended, how long it took.
"""

import re
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from amberapp.web.private_paths import without_secrets

accesslog = "-"
# Time, method, path, status, bytes, milliseconds.
access_log_format = "%(t)s %(m)s %(U)s %(s)s %(B)s %(M)sms"
logger_class = "amberapp.serving.NamelessLog"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FROM = re.compile(r" from ip=\S*")
_KEPT = frozenset(["t", "m", "U", "s", "B", "M"])


class NamelessLog(Logger):
    """gunicorn's logger without the values by which a visitor could be found, whatever format is asked for."""

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> dict[str, Any]:
        found = super().atoms(resp, req, environ, request_time)
        kept = {name: value for name, value in found.items() if name in _KEPT}
        path = without_secrets(kept["U"] or "")
        kept["U"] = _CONTROL.sub("?", path)  # a line break in an address must not begin a line of the log
        return kept

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """A request that broke the server is named by its address; here without the secret ones."""
        told = (without_secrets(arg) if isinstance(arg, str) else arg for arg in args)
        super().exception(msg, *told, **kwargs)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Requests that are no HTTP are warned of with their sender's address; here without."""
        super().warning(_FROM.sub(":", str(msg)), *args, **kwargs)
