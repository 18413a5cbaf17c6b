"""Publishing a run's approved detections as a numbered release that never changes.

Files go to storage first, under their checksums; the rows that point at them come after, in one transaction.
Killed in between, the files lie unused and the previous release stays the latest.
"""

import gzip
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp import storage
from amberapp.audit import record
from amberapp.errors import Conflict, UserError
from amberapp.models import User, WorkState
from detection.models import Detection, ImagerySource, Region, Run, TileFailure, TileScore
from labeling.actions.verdicts import Verdict, current_verdicts
from labeling.models import Release, ReleaseFile, ReviewVerdict
from labeling.release_content import Content, Place, Searched, Source, make_place
from labeling.release_files import Built, BuiltFile, build

FOLDER = "releases"
ATTEMPTS = 5


@dataclass(frozen=True)
class Readiness:
    """How far the review of a run is, and in `problem` why it cannot be published now (empty when it can)."""

    detections: int
    approved: int
    rejected: int
    waiting: int
    problem: str


def readiness(run: Run, verdicts: dict[int, Verdict] | None = None) -> Readiness:
    """Whether the run can be published.

    It can when it is done and at least one detection is approved, or when experts have judged every detection
    and approved none: an empty map is then a finding. Detections that still wait are left off the map.
    """
    if verdicts is None:
        verdicts = current_verdicts(run)
    detections = run.detections.count()
    said = Counter(verdict.verdict for verdict in verdicts.values())
    approved, rejected = said[ReviewVerdict.APPROVED], said[ReviewVerdict.REJECTED]
    waiting = detections - approved - rejected
    problem = ""
    if run.is_paused:
        problem = _("Run %(id)s is paused: resume it, then review what it found.") % {"id": run.pk}
    elif run.is_open:
        problem = _("Run %(id)s is not finished yet: wait for it, then review what it found.") % {
            "id": run.pk
        }
    elif run.state != WorkState.DONE:
        problem = _("Run %(id)s did not finish (%(state)s): start another one.") % {
            "id": run.pk,
            "state": run.get_state_display(),
        }
    elif waiting and not approved and not rejected:
        problem = _("Nothing of run %(id)s is reviewed yet: an expert must approve what goes on the map.") % {
            "id": run.pk
        }
    elif waiting and not approved:
        problem = _(
            "No detection of run %(id)s is approved and %(count)s still wait for an expert: "
            "an empty map can be published only when all are judged."
        ) % {"id": run.pk, "count": waiting}
    return Readiness(detections, approved, rejected, waiting, problem)


def publish_release(*, run: Run, acting_user: User | None) -> Release:
    """Publish the run's approved detections as the region's next release.

    Raises Conflict when the run is not finished, not reviewed, or shows exactly what the latest release shows;
    UserError when an outline of it cannot be published.
    """
    run = Run.objects.select_related("region", "classifier__dataset", "segmentation").get(pk=run.pk)
    verdicts = current_verdicts(run)
    ready = readiness(run, verdicts)
    if ready.problem:
        raise Conflict(ready.problem)
    built = build(_content(run, verdicts, ready))
    rows = [_store(file) for file in built.files]
    for _attempt in range(ATTEMPTS):
        try:
            return _write(run, built, rows, acting_user)
        except IntegrityError:
            # Another process took the number between our look and our write (no row locks on SQLite).
            continue
    raise Conflict(_("Somebody else is publishing in this region right now: try again in a minute."))


def _write(run: Run, built: Built, rows: list[ReleaseFile], acting_user: User | None) -> Release:
    with transaction.atomic():
        region = Region.objects.select_for_update().get(pk=run.region_id)
        latest = region.releases.order_by("-number").first()
        if latest is not None and _same_files(latest, rows):
            raise Conflict(
                _("Release %(number)s already shows exactly this: nothing has changed since.")
                % {"number": latest.number}
            )
        highest = region.releases.aggregate(highest=Max("number"))["highest"] or 0
        release = Release.objects.create(
            region=region,
            number=highest + 1,
            run=run,
            statistics=built.statistics,
            created_by=acting_user,
            created_at=timezone.now(),
        )
        ReleaseFile.objects.bulk_create(
            [
                ReleaseFile(
                    release=release,
                    name=row.name,
                    media_type=row.media_type,
                    storage_key=row.storage_key,
                    sha256=row.sha256,
                    size=row.size,
                )
                for row in rows
            ],
            batch_size=200,
        )
        record(
            acting_user,
            "release.published",
            release,
            run=run.pk,
            number=release.number,
            places=built.statistics["places"],
            hectares=built.statistics["hectares"],
        )
    return release


def _same_files(latest: Release, rows: list[ReleaseFile]) -> bool:
    known = set(latest.files.values_list("name", "sha256"))
    return known == {(row.name, row.sha256) for row in rows}


def _store(file: BuiltFile) -> ReleaseFile:
    """Put the bytes, and beside them a gzip for readers that take it, under their checksum."""
    suffix = "." + file.name.rpartition(".")[2]
    key = storage.content_key(FOLDER, file.data, suffix)
    if not storage.exists(key):
        storage.put(key, file.data)
    packed = key + ".gz"
    if not storage.exists(packed):
        storage.put(packed, gzip.compress(file.data, 9, mtime=0))
    return ReleaseFile(
        name=file.name,
        media_type=file.media_type,
        storage_key=key,
        sha256=file.sha256,
        size=len(file.data),
    )


def _content(run: Run, verdicts: dict[int, Verdict], ready: Readiness) -> Content:
    approved = [pk for pk, verdict in verdicts.items() if verdict.verdict == ReviewVerdict.APPROVED]
    sources: dict[int, Source] = {}
    places: list[Place] = []
    withheld = placeless = 0
    for detection in _approved_detections(run, set(approved)):
        tile = detection.segmented_tile.tile
        source = sources.setdefault(tile.source_id, _source(tile.source))
        if detection.outline is None or tile.bounds is None:
            placeless += 1
        elif not tile.source.may_derive:
            withheld += 1
        else:
            try:
                places.append(
                    make_place(
                        place=tile.place_id,
                        outline=detection.outline,
                        bounds=tile.bounds,
                        score=detection.score,
                        capture_date=tile.capture_date,
                        superpixels=detection.superpixels,
                        source=source,
                        reviewed=verdicts[detection.pk].review.created_at.date(),
                    )
                )
            except ValueError as error:
                raise UserError(
                    _("Detection %(id)s (%(tile)s) cannot be published: %(reason)s.")
                    % {"id": detection.pk, "tile": tile, "reason": error}
                ) from error
    searched, unplaced = _searched(run)
    for source_row in ImagerySource.objects.filter(tiles__segmented__scores__run=run).distinct():
        sources.setdefault(source_row.pk, _source(source_row))
    classifier = run.classifier
    return Content(
        region={"name": run.region.name, "slug": run.region.slug, "mineral": run.region.mineral},
        method={
            "run": run.pk,
            "threshold": run.threshold,
            "positive_superpixels": run.positive_superpixels,
            "segmentation": {"key": run.segmentation.key, "n_segments": run.segmentation.n_segments},
            "classifier": {
                "id": classifier.pk,
                "algorithm": classifier.algorithm,
                "extractor": classifier.extractor_key,
                "dataset": classifier.dataset.content_hash,
                "model_sha256": classifier.model_sha256,
                "precision_target": classifier.precision_target,
            },
        },
        places=places,
        searched=searched,
        sources=list(sources.values()),
        apart={
            "rejected": ready.rejected,
            "waiting": ready.waiting,
            "approved_without_place": placeless,
            "withheld": withheld,
            "tiles_without_place": unplaced,
            "tiles_failed": TileFailure.objects.filter(run=run).count(),
        },
    )


def _approved_detections(run: Run, approved: set[int]) -> Any:
    """One query for all: a list of ten thousand ids would not fit into one statement."""
    everything = (
        Detection.objects.filter(run=run).select_related("segmented_tile__tile__source").order_by("id")
    )
    return (detection for detection in everything.iterator(chunk_size=500) if detection.pk in approved)


def _searched(run: Run) -> tuple[list[Searched], int]:
    """The tiles that the run scored: those on the map, and how many have no place."""
    tile = "segmented_tile__tile__"
    fields = [f"{tile}{name}" for name in ("west", "south", "east", "north", "capture_date")]
    searched: list[Searched] = []
    unplaced = 0
    rows = TileScore.objects.filter(run=run).order_by("id").values_list(*fields)
    for west, south, east, north, date in rows.iterator(chunk_size=5000):
        if None in (west, south, east, north):
            unplaced += 1
        else:
            searched.append(Searched((west, south, east, north), date.year if date else None))
    return searched, unplaced


def _source(row: ImagerySource) -> Source:
    return Source(row.name, row.attribution, row.licence, row.may_publish, row.synthetic)
