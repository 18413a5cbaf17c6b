"""Dates as people of both languages write them."""

from datetime import datetime

import pytest
from django.utils import translation
from django.utils.formats import date_format

WHEN = datetime(2026, 11, 2, 17, 5)


@pytest.mark.parametrize(
    ("language", "day", "moment"),
    [("en", "2 November 2026", "2 Nov 2026, 17:05"), ("uk", "2 листопада 2026", "02.11.2026, 17:05")],
)
def test_a_date_is_written_with_the_day_first_and_a_clock_to_24(language: str, day: str, moment: str) -> None:
    with translation.override(language):
        assert date_format(WHEN, "DATE_FORMAT") == day
        assert date_format(WHEN, "SHORT_DATETIME_FORMAT") == moment
