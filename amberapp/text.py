"""Text that people typed, made plain before it is kept."""

import unicodedata
from typing import Any


def plain_text(text: Any) -> str:
    """The text without control and formatting characters (line breaks stay), in one Unicode form, trimmed.

    Formatting characters are those that turn the direction of writing or hide: a reader would see other words
    than the sender's.
    """
    lines = unicodedata.normalize("NFC", str(text)).replace("\r\n", "\n").replace("\r", "\n")
    kept = (
        character
        for character in lines
        if character == "\n" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co")
    )
    return "".join(kept).strip()
