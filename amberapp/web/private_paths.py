"""Addresses that are secrets themselves, kept out of every log: the private link of a report, the keys by which a password
is set anew or an address confirmed. Whoever reads a log must not be able to follow them.

Left out: what stands behind the question mark; no secret of this site does. docker/nginx.conf has the same list.
"""

import logging
import re

# However such an address is misspelt: other letters, doubled or turned strokes, spaces (written as %20, too).
_GAP = r"(?:[/\\\s]|%20|%2f|%5c)+"
_SECRET = re.compile(
    rf"({_GAP}report{_GAP}|{_GAP}account{_GAP}password{_GAP}reset{_GAP}key{_GAP}|{_GAP}account{_GAP}confirm-email{_GAP})"
    r"[^/\\\s?#'\"]+",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """The text with "…" for what makes such an address a secret, wherever in it one stands."""
    return _SECRET.sub(r"\1…", text)


class Lines(logging.Formatter):
    """Lines of the site's own log. Django names the path of whatever it refuses: here without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))
