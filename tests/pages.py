"""Pages as a browser takes them: white space that only lays out their source means nothing."""

import re
from typing import Any

# The admin's pages about volunteers, where alice and the region Testshire are.
CROWD_PAGES = [
    "/manage/volunteers/",
    "/manage/volunteers/alice/",
    "/manage/desks/",
    "/manage/regions/testshire/desk/",
    "/manage/anchoring/",
    "/manage/look-alikes/",
    "/manage/look-alikes/new/",
    "/manage/look-alikes/snow/",
    "/manage/known-tiles/",
    "/manage/known-tiles/new/",
]


def squeezed(answer: Any) -> str:
    """The HTML of an answer without the white space after a tag, before a closing one and at the end of a tag."""
    text = re.sub(r"\s+", " ", answer.content.decode())
    text = re.sub(r" ?(/?>) ?", r"\1", text)
    return text.replace(" </", "</").replace('=" ', '="').replace(' ">', '">')
