"""Pages compared without regard to how their source is broken into lines."""

import re


def tight(page: str) -> str:
    """One space for any run of spaces and line breaks, none beside a tag."""
    text = " ".join(page.split())
    return re.sub(r"> ", ">", re.sub(r" <", "<", text))
