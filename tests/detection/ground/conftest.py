"""Who brings ground in."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client


@pytest.fixture
def admin(carol: Any, client_of: Callable[..., Client]) -> Client:
    return client_of(carol)
