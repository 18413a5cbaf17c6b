"""The map as it was at any moment, worked out from rows that are only ever added. Reads only."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

from amberapp.models import WorkState
from detection.models import Detection, Region, Run
from labeling.models import Release, ReleaseKind, ReviewVerdict
from labeling.review.corrections import OutlineShown, shown
from labeling.review.verdicts import EffectiveReview, verdicts_at


@dataclass(frozen=True)
class MapAt:
    """What experts and readers of the map had before them at `moment`.

    run: the latest finished run of that time (None: none had finished); verdicts: what counted for its detections;
    release: what the public saw then (None: nothing was published); a map imported since is not of that time.
    """

    region: Region
    moment: dt.datetime
    run: Run | None
    release: Release | None
    verdicts: dict[int, EffectiveReview]

    @property
    def approved(self) -> list[int]:
        """The detections that experts had approved by then, by rising number: a release shows those with a place."""
        return sorted(pk for pk, one in self.verdicts.items() if one.verdict == ReviewVerdict.APPROVED)

    def counts(self) -> dict[str, int]:
        """{verdict: detections}; those of which nothing stood are not counted."""
        return dict(Counter(one.verdict for one in self.verdicts.values()))


def map_at(region: Region, moment: dt.datetime) -> MapAt:
    """Four queries. `moment` is timezone-aware; what happened at that very instant has happened."""
    run = (
        Run.objects.filter(region=region, state=WorkState.DONE, finished_at__lte=moment)
        .order_by("-id")
        .first()
    )
    published = Release.objects.filter(region=region, kind=ReleaseKind.OWN, created_at__lte=moment)
    release = published.order_by("-created_at", "-id").first()
    return MapAt(region, moment, run, release, verdicts_at(run, moment) if run is not None else {})


def places_at(state: MapAt, first: int, count: int) -> list[tuple[Detection, OutlineShown]]:
    """So many of the approved detections from the given place on, with their ground and the outline that was approved,
    highest score first."""
    if state.run is None:
        return []
    approved = set(state.approved)
    scores = Detection.objects.filter(run=state.run).order_by("-score", "id").values_list("id", flat=True)
    page = [pk for pk in scores if pk in approved][first : first + count]
    detections = Detection.objects.with_ground().in_bulk(page)
    return [(detections[pk], shown(detections[pk], state.verdicts[pk])) for pk in page]


def geojson_at(state: MapAt) -> dict[str, Any]:
    """The approved outlines of that moment as a GeoJSON FeatureCollection, highest score first; who said it is told.

    It is for experts: no release, though what may leave the site is decided as for one. Detections whose place is not
    known and those on imagery from which nothing may be derived (today) are left out and counted in `left_out`.
    """
    features = []
    left_out = {"place_not_known": 0, "rights": 0}
    for detection, drawn in places_at(state, 0, len(state.approved)):
        tile = detection.segmented_tile.tile
        if not tile.source.may_derive:
            left_out["rights"] += 1
        elif detection.outline is None:
            left_out["place_not_known"] += 1
        else:
            verdict = state.verdicts[detection.pk]
            features.append(
                {
                    "type": "Feature",
                    "id": detection.pk,
                    "geometry": drawn.outline,
                    "properties": {
                        "detection": detection.pk,
                        "place": tile.place_id,
                        "score": round(detection.score, 4),
                        "hectares": drawn.hectares,
                        "corrected": drawn.corrected,
                        "capture_date": tile.capture_date.isoformat() if tile.capture_date else None,
                        "expert": verdict.review.expert.username,
                        "approved_at": verdict.review.created_at.isoformat(),
                        "carried_over": verdict.carried,
                        "attribution": tile.source.attribution,
                    },
                }
            )
    return {
        "type": "FeatureCollection",
        "region": state.region.slug,
        "moment": state.moment.isoformat(),
        "run": state.run.pk if state.run is not None else None,
        "release": state.release.number if state.release is not None else None,
        "left_out": left_out,
        "features": features,
    }
