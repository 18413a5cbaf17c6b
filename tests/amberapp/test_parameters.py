"""What an address may say in place of a row's number."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from amberapp.web.parameters import BIGGEST_ID, row_number, row_numbers, signed_in


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "²", "٣", "1e3", " 1", "0x1", str(BIGGEST_ID + 1), "9" * 400, None]
)
def test_what_spells_no_row_is_no_number(text: str | None) -> None:
    assert row_number(text) is None
    assert row_numbers(["1", text or ""]) is None


def test_a_number_in_digits_is_taken_up_to_the_largest_that_a_row_can_have() -> None:
    assert row_numbers(["0", "17", str(BIGGEST_ID)]) == [0, 17, BIGGEST_ID]


def test_a_door_without_a_role_check_fails_loudly() -> None:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    with pytest.raises(TypeError):
        signed_in(request)
