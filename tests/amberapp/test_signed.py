"""Differences on pages carry a sign that a reader takes for one."""

import pytest
from django.utils import translation

from amberapp.templatetags.signed import signed


@pytest.mark.parametrize(
    ("value", "places", "said"),
    [(1.5, 2, "+1.50"), (-0.2, 1, "−0.2"), (0.004, 2, "0.00"), (-0.004, 2, "0.00"), (0, 1, "0.0")],
)
def test_a_difference_has_its_sign_and_none_where_it_rounds_to_zero(
    value: float, places: int, said: str
) -> None:
    assert signed(value, places) == said


def test_a_difference_follows_the_readers_language() -> None:
    with translation.override("uk"):
        assert signed(-1234.56, 1) == "−1\xa0234,6"
