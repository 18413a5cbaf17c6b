"""What Alice has said."""

from typing import Any

import pytest

from amberapp.models import User
from labeling.models import (
    Submission,
)
from tests.labeling.crowd.labelling import label


@pytest.fixture
def said(alice: User, segmented_tile: Any) -> Submission:
    return label(segmented_tile, alice, p1="mining", p2="not_mining")
