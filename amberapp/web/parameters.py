"""What addresses and forms say, read once and in one way: numbers of rows, and the person who is signed in."""

from typing import Any

from amberapp.models import User

# The largest number that a row can have; a larger one in an address is nobody's.
BIGGEST_ID = 2**63 - 1


def row_number(text: Any) -> int | None:
    """The row number that `text` spells in ASCII digits, 0 to BIGGEST_ID; None where it spells none."""
    if not isinstance(text, str) or not (text.isascii() and text.isdecimal()) or len(text) > 19:
        return None
    number = int(text)
    return number if number <= BIGGEST_ID else None


def row_numbers(texts: list[str]) -> list[int] | None:
    """All of them as row numbers; None where one of them is none."""
    numbers = [row_number(text) for text in texts]
    return None if None in numbers else [number for number in numbers if number is not None]


def signed_in(request: Any) -> User:
    """The person behind a request (Django's or DRF's) that a role check has let through.

    Raises TypeError at a door without one: that is a mistake of ours, not of the sender.
    """
    if not isinstance(request.user, User):
        raise TypeError("This door has no role check.")
    return request.user
