"""Where a report lies: which place it shares with other reports, and how exactly the public may see it. Reads only."""

import math
from dataclasses import dataclass

from django.db.models import Q

from detection.models import Detection, Tile
from labeling.models import Release, Report, ReportGround, ReportState

# Reports of one category so near to each other are about the same.
SAME_PLACE_METRES = 150.0
METRES_A_DEGREE = 111_320.0
# The grid of blurred places, in degrees: 1.1 km north to south, 1.4 km east to west in Polissia.
ROUGH_LATITUDE, ROUGH_LONGITUDE = 0.01, 0.02


@dataclass(frozen=True)
class ReportedPlace:
    """The place of a new report: `key` names it for grouping, `ground` is a ReportGround.

    first: the open report of the same category there that came first; None where there is none.
    """

    key: str
    ground: str
    first: Report | None


def reported_place(
    release: Release, detection: Detection | None, latitude: float, longitude: float, category: str
) -> ReportedPlace:
    """The place is that of the nearest open report within 150 m, with the same name and ground.

    A place without one is named by its detection ("d12"), or else by its cell in a grid of 150 m ("51:26"). Two
    detections are two places, however near, and a report about one is no duplicate of one about none:
    accepting that one takes nothing off the map. A report that is decided in the very moment
    in which its duplicate comes leaves that one open, and the desk shows it by itself.
    """
    away = SAME_PLACE_METRES / METRES_A_DEGREE
    narrow = max(math.cos(math.radians(latitude)), 0.01)
    nearby = Q(
        latitude__range=(latitude - away, latitude + away),
        longitude__range=(longitude - away / narrow, longitude + away / narrow),
    )
    if detection is not None:
        # What is said of the ground beside it decides nothing about a place on the map.
        nearby = Q(detection=detection)
    firsts = Report.objects.filter(region=release.region_id, state=ReportState.OPEN, duplicate_of=None)
    near: list[tuple[float, Report]] = []
    for report in firsts.filter(nearby).order_by("pk")[:100]:
        distance = math.hypot(report.latitude - latitude, (report.longitude - longitude) * narrow)
        about_it = detection is not None and report.detection_id == detection.pk
        if about_it or distance <= away:
            near.append((-1.0 if about_it else distance, report))
    near.sort(key=lambda pair: (pair[0], pair[1].pk))
    same = next((report for _distance, report in near if report.category == category), None)
    if detection is not None:
        return ReportedPlace(f"d{detection.pk}", ReportGround.DETECTION, same)
    if near:
        neighbour = same or near[0][1]
        return ReportedPlace(neighbour.place_key, neighbour.ground, same)
    row = math.floor(latitude / away)
    # One width a row, so that cells of a row do not overlap.
    width = away / max(math.cos(math.radians(row * away)), 0.01)
    searched = _is_searched(release.region_id, latitude, longitude)
    ground = ReportGround.SEARCHED if searched else ReportGround.UNSEARCHED
    return ReportedPlace(f"{row}:{math.floor(longitude / width)}", ground, None)


def public_position(report: Report) -> tuple[float, float]:
    """(latitude, longitude) as anybody but an expert may see it: a blurred place is rounded to about a kilometre."""
    if not report.blurred:
        return report.latitude, report.longitude
    return (
        round(round(report.latitude / ROUGH_LATITUDE) * ROUGH_LATITUDE, 6),
        round(round(report.longitude / ROUGH_LONGITUDE) * ROUGH_LONGITUDE, 6),
    )


def _is_searched(region_id: int, latitude: float, longitude: float) -> bool:
    """Whether a tile of the region shows that ground."""
    return Tile.objects.on_the_map().filter(region=region_id).showing(latitude, longitude).exists()
