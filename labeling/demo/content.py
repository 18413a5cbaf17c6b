"""Demo content: a region on which every station has something to show.

With `data` it is made of real tiles and crops read from there; without, of procedural scenes that say so. There the
simulated volunteers take fresh clear-cuts for mining, as those of 2018 did: the first map shows some, and the first
report is right about one of them. A campaign from it makes the next map better.
Every step looks first whether it has been done, so a job that was killed goes on where it stopped.
"""

import io
import random
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from PIL import Image

from amberapp.models import User
from detection.description.segment import default_segmentation, load_labels
from detection.geometry import ground_sample_distance, tile_bounds_from_centre
from detection.ground.ingest import import_folder, ingest_tile
from detection.ground.regions import create_region, create_source
from detection.imagery.placement import Placement
from detection.models import Classifier, Detection, ImagerySource, Region, Run, SegmentedTile
from detection.runs.runs import execute_here, start_run
from detection.scenes import Scene, ScenePlan, demo_tiles
from labeling.demo import gold_standard
from labeling.demo.place_names import name_places
from labeling.desk.labels import submit_labels
from labeling.models import Release, Report, Submission
from labeling.releases.publish import publish_release
from labeling.reports.filing import file_report
from labeling.review.review_detection import review_detection
from labeling.training.crops import import_crops
from labeling.training.retrain import retrain

Progress = Callable[[int, int, str], None]

SYNTHETIC_REGION = "Synthetic Polissia"
REAL_REGION = "Polissia"
SEED = 20181122
SEEN = (1, 2)
# A superpixel counts as mining when at least this share of it is.
MINING_SHARE = 0.3
CROWD = 3
# The class of errors that the demo's story is about.
CONFUSED = "clear_cut"
# Demo accounts that have been through the tutorial; the volunteer meets it on the first visit.
TAUGHT = ("taras", "olena")
TOTAL = 100


def prepare(*, data: Path | None, progress: Progress) -> dict[str, Any]:
    """Make the content; returns what was made. `progress` is told a percentage and a sentence."""
    region = _real_region(data, progress) if data else _synthetic_region(progress)
    name_places(region, synthetic=data is None)
    classifier = _classifier(region, progress)
    run = _run(region, classifier, progress)
    release = _published(run, progress)
    progress(TOTAL, TOTAL, "Ready")
    return {
        "region": region.pk,
        "classifier": classifier.pk,
        "run": run.pk,
        "release": release.pk if release else None,
    }


def _part(progress: Progress, start: int, end: int, message: str) -> Callable[[int, int], None]:
    """Progress of one step, as a share of the whole between two percentages."""

    def tell(done: int, total: int) -> None:
        progress(start + (end - start) * done // max(total, 1), TOTAL, message)

    return tell


# Ground --------------------------------------------------------------------------------------------------------------


def _region(name: str, source: ImagerySource, polygon: dict[str, Any]) -> Region:
    region = Region.objects.filter(name=name).first()
    if region is None:
        region = create_region(name=name, polygon=polygon, mineral="amber", source=source, acting_user=None)
    return region


def _box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _synthetic_region(progress: Progress) -> Region:
    source = ImagerySource.objects.filter(name="Amber's synthetic scenes").first() or create_source(
        name="Amber's synthetic scenes",
        attribution="Synthetic imagery made by Amber",
        licence="CC0",
        may_store=True,
        may_derive=True,
        may_publish=True,
        synthetic=True,
        acting_user=None,
    )
    named = demo_tiles()
    names, plans = list(named), list(named.values())
    boxes = [tile_bounds_from_centre(plan.latitude, plan.longitude, 1000, 1000) for plan in plans]
    margin = 0.004
    region = _region(
        SYNTHETIC_REGION,
        source,
        _box(
            min(box[0] for box in boxes) - margin,
            min(box[1] for box in boxes) - margin,
            max(box[2] for box in boxes) + margin,
            max(box[3] for box in boxes) + margin,
        ),
    )
    gold_standard.pass_tutorial([*_crowd(), *User.objects.filter(username__in=TAUGHT)])
    tell = _part(progress, 0, 45, "Painting synthetic ground")
    known = set(region.tiles.values_list("file_name", flat=True))
    missing = [number for number, name in enumerate(names) if name not in known]
    # Drawn two at a time (NumPy lets go of the interpreter's lock), written one after another.
    with ThreadPoolExecutor(2) as painters:
        for done, (index, scene) in enumerate(
            zip(missing, painters.map(lambda index: plans[index].render(), missing), strict=True), start=1
        ):
            _ingest_scene(region, names[index], scene, plans[index], boxes[index], index + 1)
            tell(done, len(missing))
    return region


def _ingest_scene(
    region: Region, name: str, scene: Scene, plan: ScenePlan, box: tuple[float, ...], number: int
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(scene.image).save(buffer, format="JPEG", quality=90)
    tile, _created = ingest_tile(
        region=region,
        file_name=name,
        data=buffer.getvalue(),
        placement=Placement(
            bounds=(box[0], box[1], box[2], box[3]),
            centre=(plan.latitude, plan.longitude),
            capture_date=plan.capture_date,
            gsd=ground_sample_distance(plan.latitude, 18),
            source_of_place="synthetic",
        ),
        acting_user=None,
    )
    segmented = SegmentedTile.objects.get(tile=tile, segmentation=default_segmentation())
    # Two of five tiles have been seen by the crowd; the others wait for the visitor, enough for half an hour.
    seen = number % 5 in SEEN
    # What the crowd gets wrong is taught on tiles that it has not seen.
    if seen != (plan.kind == CONFUSED):
        gold_standard.make_gold_standard_where_clear(segmented, plan.kind, scene.image, scene.truth)
    if seen:
        chance = random.Random(SEED + number)  # noqa: S311 (a repeatable crowd, no secret)
        _crowd_labels(segmented, _taken_for_mining(load_labels(segmented), scene), chance)


def _taken_for_mining(labels: np.ndarray, scene: Scene) -> np.ndarray:
    """What the crowd takes for mining: bool (superpixels,). It is right but for the light ground of clear-cuts."""
    if scene.kind == CONFUSED:
        light = gold_standard.shares(labels, scene.image.mean(axis=2))
        return np.asarray(light >= (light.min() + light.max()) / 2)
    return np.asarray(gold_standard.shares(labels, scene.truth) >= MINING_SHARE)


def _crowd_labels(segmented: SegmentedTile, mining: np.ndarray, chance: random.Random) -> None:
    """What three fairly good volunteers say of a tile of which they take the superpixels of `mining` for mining."""
    for volunteer in _crowd():
        if Submission.objects.filter(volunteer=volunteer, segmented_tile=segmented).exists():
            continue
        submit_labels(
            submission_id=uuid.UUID(int=chance.getrandbits(128), version=4),
            segmented_tile=segmented,
            labels=[
                {"superpixel": superpixel, "verdict": _said(bool(is_mining), chance)}
                for superpixel, is_mining in enumerate(mining, start=1)
            ],
            acting_user=volunteer,
        )


def _said(mining: bool, chance: random.Random) -> str:
    roll = chance.random()
    if roll < 0.03:
        return "unsure"
    return "mining" if mining != (roll < 0.07) else "not_mining"


def _crowd() -> Iterator[User]:
    """Accounts of the simulated volunteers; nobody can log in with them."""
    for number in range(1, CROWD + 1):
        yield User.objects.get_or_create(
            username=f"simulated-volunteer-{number}", defaults={"is_active": False}
        )[0]


def _real_region(data: Path, progress: Progress) -> Region:
    source = ImagerySource.objects.filter(name="Bing Maps, 2011–2016").first() or create_source(
        name="Bing Maps, 2011–2016",
        attribution="© Microsoft and its suppliers",
        licence="For demonstration only; not to be published",
        may_store=True,
        may_derive=True,
        may_publish=False,
        synthetic=False,
        acting_user=None,
    )
    region = _region(REAL_REGION, source, _box(24.6, 50.1, 29.4, 52.4))
    folders = [
        folder for folder in (data / "tiles" / "bing", data / "tiles" / "screenshots") if folder.is_dir()
    ]
    for number, folder in enumerate(folders):
        import_folder(
            region=region,
            folder=folder,
            acting_user=None,
            progress=_part(progress, 4 * number, 4 * number + 4, "Importing tiles"),
        )
    import_crops(
        region=region,
        folder=data / "crops",
        acting_user=None,
        progress=_part(progress, 8, 20, "Importing labelled crops"),
    )
    return region


# Machine -------------------------------------------------------------------------------------------------------------


def _classifier(region: Region, progress: Progress) -> Classifier:
    known = region.classifiers.order_by("-id").first()
    if known is not None:
        return known

    def tell(done: int, total: int, message: str) -> None:
        progress(45 + 30 * done // max(total, 1), TOTAL, message)

    return retrain(
        region=region,
        algorithm="svm",
        extractor=settings.AMBER["AMBER_EXTRACTOR"],
        acting_user=None,
        progress=tell,
    )


def _run(region: Region, classifier: Classifier, progress: Progress) -> Run:
    run = region.runs.filter(classifier=classifier).order_by("-id").first()
    if run is None:
        run = start_run(region=region, classifier=classifier, acting_user=None)
    execute_here(run, _part(progress, 75, 95, "Searching the region"))
    run.refresh_from_db()
    return run


# People --------------------------------------------------------------------------------------------------------------


def _published(run: Run, progress: Progress) -> Release | None:
    """The demo expert approves most of what was found, the map is published, a citizen objects.

    A quarter of the detections stays undecided, so that the visitor finds work on the review page.
    """
    progress(95, TOTAL, "Publishing the first map")
    known = run.region.releases.order_by("-number").first()
    if known is not None:
        return known
    expert = User.objects.filter(username="taras").first()
    detections = list(run.detections.filter(outline__isnull=False).order_by("-score", "id"))
    if expert is None or not detections:
        return None
    approved = detections[: max(1, len(detections) * 3 // 4)]
    for detection in approved:
        if not detection.reviews.exists():
            review_detection(detection=detection, verdict="approved", acting_user=expert)
    release = publish_release(run=run, acting_user=None)
    _citizen_report(release, _objected(approved))
    return release


def _objected(approved: list[Detection]) -> Detection:
    """The detection that the citizen knows better: the largest clear-cut, or where there is none the least sure."""
    plans = demo_tiles() if approved[0].run.region.name == SYNTHETIC_REGION else {}
    confused = {name for name, plan in plans.items() if plan.kind == CONFUSED}
    cuts = [one for one in approved if one.segmented_tile.tile.file_name in confused]
    return max(cuts, key=lambda one: one.hectares or 0) if cuts else approved[-1]


def _citizen_report(release: Release, detection: Detection) -> Report:
    tile = detection.segmented_tile.tile
    assert tile.latitude is not None  # only detections with an outline come here
    assert tile.longitude is not None
    return file_report(
        release=release,
        detection=detection,
        latitude=tile.latitude,
        longitude=tile.longitude,
        category="not_mining",
        comment="I know this place: it is a clear-cut, the forestry left it in spring.",
        email="",
    )
