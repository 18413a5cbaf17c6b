"""Sessions in the database, under the keys that Django makes and no others.

A cookie can hold anything. Django asks the database about every key of eight characters and more; PostgreSQL refuses
one with a NUL in it, and the page would fail.
"""

import re

from django.contrib.sessions.backends import db

_KEY = re.compile(r"[a-z0-9]{8,40}", re.ASCII)


class SessionStore(db.SessionStore):
    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key) and _KEY.fullmatch(str(key)) is not None
