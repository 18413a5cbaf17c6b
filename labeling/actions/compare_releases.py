"""What changed on the ground between two releases of one region, place by place."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from detection.models import Detection
from labeling.actions.releases import PublishedPlace, places_of
from labeling.models import LookAlike, Release, Review, ReviewVerdict


@dataclass(frozen=True)
class Change:
    """One place of the earlier release (`before`), of the later one (`after`), or of both with another outline."""

    place: str
    before: PublishedPlace | None
    after: PublishedPlace | None
    reason: str

    @property
    def hectares(self) -> float:
        """What the change adds to the map; negative where it takes away."""
        gained = self.after.hectares if self.after else 0.0
        lost = self.before.hectares if self.before else 0.0
        return round(gained - lost, 4)


@dataclass(frozen=True)
class Comparison:
    """Each list is sorted by hectares, largest first."""

    appeared: list[Change]
    vanished: list[Change]
    changed: list[Change]
    unchanged: int


def compare_releases(earlier: Release, later: Release) -> Comparison:
    """Compare by place: the same image of the same ground is the same place. At most five queries."""
    before = {place.place: place for place in places_of(earlier)}
    after = {place.place: place for place in places_of(later)}
    appeared = [place for key, place in after.items() if key not in before]
    vanished = [place for key, place in before.items() if key not in after]
    changed = [
        (before[key], place)
        for key, place in after.items()
        if key in before and before[key].outline_sha256 != place.outline_sha256
    ]
    other_run = earlier.run_id != later.run_id
    gone = _why_gone(later) if vanished else {}
    known = _found_by(earlier) if appeared else set()
    return Comparison(
        appeared=[Change(place.place, None, place, _why_new(place.place in known)) for place in appeared],
        vanished=[
            Change(place.place, place, None, gone.get(place.place, _("the machine no longer finds it")))
            for place in vanished
        ],
        changed=[
            Change(
                new.place,
                old,
                new,
                _("the classifier outlines it differently") if other_run else _("its outline was corrected"),
            )
            for old, new in changed
        ],
        unchanged=len(after) - len(appeared) - len(changed),
    )


def _why_new(found_before: bool) -> str:
    if found_before:
        return _("an expert has approved it since")
    return _("the machine finds it now, and an expert has approved it")


def _found_by(release: Release) -> set[str]:
    """Places that the release's run had found, published or not."""
    hashes = Detection.objects.filter(run=release.run_id).order_by()
    return {sha256[:16] for sha256 in hashes.values_list("segmented_tile__tile__sha256", flat=True)}


def _why_gone(later: Release) -> dict[str, str]:
    """Why places are not in the later release: the latest review of the image, or that nobody has judged it."""
    unjudged = _("found again, but no expert has approved it in its new outline")
    found = dict.fromkeys(_found_by(later), unjudged)
    reasons = dict(found)
    look_alikes = {row.slug: row.name for row in LookAlike.objects.listed()}
    reviews = (
        Review.objects.filter(segmented_tile__tile__region=later.region_id, created_at__lte=later.created_at)
        .order_by("id")
        .values_list("segmented_tile__tile__sha256", "verdict", "look_alike", "report_id")
    )
    for sha256, verdict, look_alike, report_id in reviews:
        place = sha256[:16]
        if verdict != ReviewVerdict.REJECTED:
            reasons.pop(place, None)
            if place in found:
                reasons[place] = unjudged
            continue
        reason = _("an expert has rejected it") if report_id is None else _("a citizen's report was accepted")
        reasons[place] = f"{reason} ({look_alikes[look_alike]})" if look_alike else reason
    return reasons
