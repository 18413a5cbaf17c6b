"""The colours that verdicts have on every page."""

from labeling.models import ReviewVerdict

# As css names them.
TAGS = {
    ReviewVerdict.APPROVED: "tag--good",
    ReviewVerdict.REJECTED: "",
    ReviewVerdict.SECOND: "tag--info",
}


def tag_of(verdict: str) -> str:
    """ "" is the quiet one: also of what is none of the three."""
    return TAGS[ReviewVerdict(verdict)] if verdict in TAGS else ""
