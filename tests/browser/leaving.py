"""Leaving a page that may load itself again at that very moment, as pages do that waited for a job."""

from playwright.sync_api import Error, Page


def leave(page: Page) -> None:
    """Go to an empty page. The page's own loading, begun before, may come between: then once more."""
    for attempt in range(5):
        try:
            page.goto("about:blank")
            return
        except Error as error:
            if "interrupted by another navigation" not in str(error) or attempt == 4:
                raise
            page.wait_for_load_state()
