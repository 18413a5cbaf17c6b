"""Sentences that pure code says to people: English here, put into the reader's language by the doors.

`gettext_noop` only marks a literal for the message catalogue; this package knows no Django.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


def gettext_noop(text: str) -> str:
    """Mark `text` for translation and return it as it is."""
    return text


@dataclass(frozen=True)
class Sentence:
    """A template with %(name)s gaps and what fills them. `str()` gives the English sentence."""

    template: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.template % self.values if self.values else self.template
