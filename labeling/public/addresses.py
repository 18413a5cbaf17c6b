"""Addresses of the public pages that scripts complete."""

from django.urls import reverse

from labeling.releases.catalogue import PublishedRelease

# What stands for a place's name in the addresses that scripts fill in.
ANY_PLACE = "PLACE"


def folder_of(release: PublishedRelease) -> str:
    """That of a release's files, with a slash at its end."""
    return reverse("release-file", args=[release.region.slug, release.number, "x"])[:-1]
