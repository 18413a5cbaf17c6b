"""A frozen Dataset as arrays: features, verdicts, the same augmented rows, and the places they come from."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.utils.translation import gettext as _

from amberapp.errors import UserError
from detection.description.features import extract_missing, load_superpixels, usable_extractor
from detection.features import EXTRACTOR_NAMES, FeatureExtractor
from detection.features.augmentation import augmented_extractors
from detection.learning import evaluation
from detection.models import Dataset, Region, SegmentedTile
from detection.training import dataset as datasets

logger = logging.getLogger("amber.train")

FALLBACK = "texture"
# So many rows of 2464 numbers are 300 MB, and more teach a kernel of 1500 vectors little that is new (ADR 21).
MOST_ROWS = 30_000
# With more rows than this, real seasons and sensors teach better than drawn ones, and copies would only cost time.
MOST_ROWS_COPIED = 5000

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class TrainingData:
    """`features`: float32 (n, d); `mining`: bool (n,); `copies`: float32 (k, n, d), the rows in k other lights, or
    None; `rows`: the n frozen rows, in the same order, `tiles`: where each of them lies; `warnings`: sentences for the
    admin."""

    extractor: FeatureExtractor
    features: npt.NDArray[np.float32]
    mining: npt.NDArray[np.bool_]
    copies: npt.NDArray[np.float32] | None
    rows: list[datasets.FrozenRow]
    tiles: list[SegmentedTile]
    warnings: list[str]

    def groups(self, grouping: str) -> npt.NDArray[np.str_]:
        """(n,) the group of each row; `grouping` is one of GROUPINGS."""
        return np.array([GROUPINGS[grouping](row) for row in self.rows])


def read_training_data(
    *, dataset: Dataset, region: Region, extractor_name: str, progress: Progress
) -> TrainingData:
    """Read the dataset's superpixels, extracting what the store does not hold yet.

    Raises UserError for an extractor that cannot be had, a changed dataset file, or when no superpixel can be read.
    """
    extractor, warnings = _extractor(extractor_name)
    rows = _drawn(datasets.read(dataset), warnings)
    tiles = {
        (segmented.tile.sha256, segmented.segmentation.key): segmented
        for segmented in SegmentedTile.objects.filter(
            tile__region=region, tile__sha256__in={row.image for row in rows}
        ).select_related("tile", "segmentation")
    }
    needed = [tiles[key] for key in sorted({(row.image, row.segmentation) for row in rows} & set(tiles))]
    lights = augmented_extractors(extractor) if len(rows) <= MOST_ROWS_COPIED else []
    passes = 1 + len(lights)

    def tell(place: int) -> Callable[[int, int], None]:
        return lambda done, total: progress(place * total + done, passes * total, _("Reading pixels"))

    unread = extract_missing(needed, extractor, tell(0))
    kept = [
        row
        for row in rows
        if (segmented := tiles.get((row.image, row.segmentation))) is not None
        and segmented.pk not in unread
        and row.superpixel <= segmented.superpixels
    ]
    if not kept:
        raise UserError(_("None of the labelled superpixels could be read: import their images again."))
    places = [(tiles[(row.image, row.segmentation)].pk, row.superpixel) for row in kept]
    features = load_superpixels(places, extractor.key)
    readable = [segmented for segmented in needed if segmented.pk not in unread]
    copies = []
    for place, lit in enumerate(lights, 1):
        extract_missing(readable, lit, tell(place))
        copies.append(load_superpixels(places, lit.key, otherwise=features))
    return TrainingData(
        extractor=extractor,
        features=features,
        mining=np.array([row.mining for row in kept]),
        copies=np.stack(copies) if copies else None,
        rows=kept,
        tiles=[tiles[(row.image, row.segmentation)] for row in kept],
        warnings=warnings,
    )


def _drawn(rows: list[datasets.FrozenRow], warnings: list[str]) -> list[datasets.FrozenRow]:
    """All rows, or MOST_ROWS of them, drawn at random and always the same; a sentence says so.

    Not so many of each kind: figures and probabilities would then hold for ground of which half is mined.
    """
    if len(rows) <= MOST_ROWS:
        return rows
    warnings.append(
        _("%(all)s superpixels are labelled; %(drawn)s of them, drawn at random, teach and judge.")
        % {"all": len(rows), "drawn": MOST_ROWS}
    )
    chosen = np.sort(np.random.default_rng(0).permutation(len(rows))[:MOST_ROWS])
    return [rows[place] for place in chosen]


def _extractor(name: str) -> tuple[FeatureExtractor, list[str]]:
    """The extractor asked for; where its weights cannot be had, `texture` and a sentence that says so."""
    try:
        extractor = usable_extractor(name)
        return extractor, list(extractor.warnings)
    except UserError as error:
        if name == FALLBACK or name not in EXTRACTOR_NAMES:
            raise
        logger.warning("%s", error.message)
        return usable_extractor(FALLBACK), [str(error.message), _("Trained on “texture” instead.")]


def place_of(row: datasets.FrozenRow) -> str:
    """All dates of one place are one group; an image without a place is a group of its own."""
    if row.latitude is None or row.longitude is None:
        return row.image
    return evaluation.tile_group(row.latitude, row.longitude)


def block_of(row: datasets.FrozenRow) -> str:
    if row.latitude is None or row.longitude is None:
        return row.image
    return evaluation.block_group(row.latitude, row.longitude)


def date_of(row: datasets.FrozenRow) -> str:
    """All images of one day are one group, and so are all whose day nobody knows."""
    return row.capture_date or ""


GROUPINGS: dict[str, Callable[[datasets.FrozenRow], str]] = {
    "by_tile": place_of,
    "by_block": block_of,
    "by_date": date_of,
}
