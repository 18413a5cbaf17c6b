"""The list of what is taken for mining. Admins edit it; labels keep the slug."""

from typing import Any

from django.core.cache import cache
from django.db import models
from django.utils.translation import get_language

CACHE_KEY = "look-alikes-1"
# Pages in other processes see an edit after so long at the latest.
CACHE_SECONDS = 30


def _in_language(texts: dict[str, str]) -> str:
    language = (get_language() or "en").split("-")[0]
    return texts.get(language) or texts.get("en") or ""


class LookAlikeManager(models.Manager["LookAlike"]):
    """The whole list is small and on every page of the desk: it is read once and kept for a while."""

    def listed(self) -> "list[LookAlike]":
        rows = cache.get(CACHE_KEY)
        if rows is None:
            fields = ("slug", "names", "hints", "position", "retired")
            rows = [[getattr(row, field) for field in fields] for row in self.all()]
            cache.set(CACHE_KEY, rows, CACHE_SECONDS)
        return [LookAlike(*row) for row in rows]

    def offered(self) -> "list[LookAlike]":
        return [row for row in self.listed() if not row.retired]

    def choices(self) -> list[tuple[str, str]]:
        """(slug, name in the reader's language) of those that are offered."""
        return [(row.slug, row.name) for row in self.offered()]

    def slugs(self) -> list[str]:
        return [row.slug for row in self.offered()]

    def name_of(self, slug: str) -> str:
        return next((row.name for row in self.listed() if row.slug == slug), slug)


class LookAlike(models.Model):
    """What ground that is not mining was taken for mining because of.

    `names` and `hints` (how to tell it from mining) are by language code. A retired one is offered no more and
    still names the labels that carry it.
    """

    slug = models.SlugField(max_length=24, primary_key=True)
    names = models.JSONField()
    hints = models.JSONField(default=dict, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    retired = models.BooleanField(default=False)

    objects = LookAlikeManager()

    class Meta:
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        cache.delete(CACHE_KEY)

    @property
    def name(self) -> str:
        """In the reader's language, else in English, else the slug."""
        return _in_language(self.names) or self.slug

    @property
    def hint(self) -> str:
        return _in_language(self.hints)
