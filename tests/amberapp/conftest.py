"""Everybody who may come."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client


@pytest.fixture
def visitors(alice: Any, bob: Any, carol: Any, client_of: Callable[[Any], Client]) -> dict[str, Client]:
    clients = {"citizen": Client(), "volunteer": client_of(alice), "expert": client_of(bob)}
    clients["admin"] = client_of(carol)
    for client in clients.values():
        client.raise_request_exception = False
    return clients
