"""A release with everything in it, built once."""

import pytest

from tests.labeling.releases.files.full import built


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    return built()
