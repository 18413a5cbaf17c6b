"""An outline as an expert has corrected it: checked, drawn, and put in the place of the machine's.

It is kept in its review, as `correction` {"superpixels": [whole ones], "fragments": [[superpixel, fragment], …], "hectares" (None
without a place)} and `corrected_outline`, a GeoJSON MultiPolygon in pixels of the tile: what is published is what the expert
saw, whatever becomes of the raster. Left out: which labels it writes (labeling.review.taught).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from amberapp.errors import UserError
from detection.description.fragments import fragment_counts
from detection.description.outline import DrawnOutline, Fragment, draw_outline, placed_outline
from detection.models import Detection
from labeling.models import Review, ReviewVerdict
from labeling.review.verdicts import DISPUTED, EffectiveReview, ReviewStanding


@dataclass(frozen=True)
class OutlineShown:
    """What counts of a detection's ground: the machine's outline, or that of `review`, which has corrected it.

    superpixels: the whole ones; fragments: [superpixel, fragment] of mixed ones; outline, hectares: None without a place.
    """

    detection: Detection
    review: Review | None

    @property
    def corrected(self) -> bool:
        return self.review is not None

    @property
    def superpixels(self) -> list[int]:
        numbers: list[int] = self._said["superpixels"] if self.corrected else self.detection.superpixels
        return numbers

    @property
    def fragments(self) -> list[list[int]]:
        return self._said["fragments"] if self.corrected else []

    @property
    def pixel_outline(self) -> dict[str, Any]:
        drawn: dict[str, Any] | None = self.detection.pixel_outline
        if self.review is not None:
            drawn = self.review.corrected_outline
        assert drawn is not None  # a correction has both columns
        return drawn

    @property
    def outline(self) -> dict[str, Any] | None:
        return self._placed.outline if self.corrected else self.detection.outline

    @property
    def hectares(self) -> float | None:
        return self._placed.hectares if self.corrected else self.detection.hectares

    @property
    def _said(self) -> dict[str, Any]:
        assert self.review is not None
        said: dict[str, Any] | None = self.review.correction
        assert said is not None
        return said

    @cached_property
    def _placed(self) -> DrawnOutline:
        """Worked out when it is asked for: the tile's place may have become known since."""
        return placed_outline(self.pixel_outline, self.detection.segmented_tile.tile)


@dataclass(frozen=True)
class Correction:
    """The two columns of a review."""

    correction: dict[str, Any]
    corrected_outline: dict[str, Any]


def shown(detection: Detection, standing: ReviewStanding | EffectiveReview | None) -> OutlineShown:
    """The outline that experts' verdicts give the detection: a correction where that is what counts, or in a dispute what
    one side approves."""
    approvals: list[Review] = []
    if standing is not None and standing.verdict == ReviewVerdict.APPROVED and standing.review is not None:
        approvals = [standing.review]
    elif standing is not None and standing.verdict == DISPUTED:
        approvals = [side for side in standing.sides if side.verdict == ReviewVerdict.APPROVED]
    corrections = [review for review in approvals if review.correction is not None]
    return OutlineShown(detection, corrections[-1] if corrections else None)


def as_shown(detection: Detection, standing: ReviewStanding) -> Correction | None:
    """What an approval of just what is shown says."""
    review = shown(detection, standing).review
    if review is None or review.correction is None or review.corrected_outline is None:
        return None
    return Correction(review.correction, review.corrected_outline)


def corrected(
    detection: Detection, superpixels: Collection[int], fragments: Collection[Fragment]
) -> Correction | None:
    """The correction that an expert sends, drawn; None where it is the machine's own outline.

    Raises UserError for what the tile does not have, for a superpixel that is both whole and in fragments, and for an
    outline without ground.
    """
    whole, parts = sorted(set(superpixels)), sorted(set(fragments))
    if not parts and whole == sorted(detection.superpixels):
        return None
    segmented = detection.segmented_tile
    if not whole and not parts:
        raise _wrong(_("Nothing is left of the outline: reject the detection instead."))
    _check_numbers(whole, segmented.superpixels)
    _check_numbers([superpixel for superpixel, _fragment in parts], segmented.superpixels)
    if parts:
        counts = fragment_counts(segmented)
        for superpixel, fragment in parts:
            if superpixel in whole:
                raise _wrong(
                    _("Superpixel %(number)s is in the outline as a whole and in fragments.")
                    % {"number": superpixel}
                )
            if not 1 <= fragment <= counts[superpixel - 1]:
                raise _wrong(
                    _("Superpixel %(number)s has no fragment %(piece)s: its fragments are 1 to %(last)s.")
                    % {"number": superpixel, "piece": fragment, "last": counts[superpixel - 1]}
                )
    drawn = draw_outline(segmented, whole, parts)
    return Correction(
        {
            "superpixels": whole,
            "fragments": [list(part) for part in parts],
            "hectares": drawn.hectares,
        },
        drawn.pixel_outline,
    )


def _check_numbers(numbers: Sequence[int], last: int) -> None:
    for number in numbers:
        if not 1 <= number <= last:
            raise _wrong(
                _("Superpixel %(number)s does not exist: this tile has superpixels 1 to %(last)s.")
                % {"number": number, "last": last}
            )


def _wrong(sentence: str) -> UserError:
    return UserError(sentence, fields={"superpixels": [sentence]})
