"""Teaching a classifier's outline head: crops as bags of windows, labelled superpixels of whole tiles by the windows within."""

from collections import defaultdict
from collections.abc import Callable

import numpy as np
from django.utils.translation import gettext as _

from amberapp.errors import NotThere
from detection.description.segment import load_labels
from detection.description.windows import load_windows, read_windows, usable_windows
from detection.features.windows import WINDOW_BLOCKS
from detection.features.windows.grid import windows_within
from detection.learning.ground.fit import Bags, GroundFit, fit_ground
from detection.models import SegmentedTile, TileKind
from detection.training.training_data import TrainingData

# A window that lies within a superpixel by less than this shows its neighbours too.
WITHIN = 0.7
# Tiles whose windows are in memory at once: 30 MB.
TILES_AT_ONCE = 32
THREADS = 2
# Windows of one labelled superpixel, and tiles of so many: 640 MB at the most. A crop of 2018 has 47 windows.
MOST_WINDOWS = 64
MOST_BAGS = 8_000


def teach_outline(
    data: TrainingData, progress: Callable[[int, int], None], warnings: list[str]
) -> GroundFit | None:
    """The outline head of a classifier on these data; None, and where labels are too few a sentence in `warnings`.

    None without a sentence for features that have no windows.
    """
    describer = usable_windows(data.extractor.name)
    if describer is None:
        return None
    tiles = list({tile.pk: tile for tile in _drawn(data.tiles)}.values())
    unread = read_windows(tiles, describer, threads=THREADS, progress=progress)
    bags = _bags(data, [tile for tile in tiles if tile.pk not in unread], describer.key)
    try:
        if bags is None:
            raise ValueError(_("no window lies within what is labelled"))
        return fit_ground(describer.key, bags, WINDOW_BLOCKS)
    except ValueError as error:
        warnings.append(
            _("The outline of a marked tile is that of its superpixels: %(reason)s") % {"reason": error}
        )
        return None


def _drawn(tiles: list[SegmentedTile]) -> list[SegmentedTile]:
    """The tiles of MOST_BAGS labelled superpixels, drawn: the windows of more would not fit into memory, and need not."""
    if len(tiles) <= MOST_BAGS:
        return tiles
    return [tiles[place] for place in np.random.default_rng(0).permutation(len(tiles))[:MOST_BAGS]]


def _bags(data: TrainingData, tiles: list[SegmentedTile], key: str) -> Bags | None:
    rows_of = defaultdict(list)
    for place, tile in enumerate(data.tiles):
        rows_of[tile.pk].append(place)
    places = data.groups("by_tile")
    windows, owners, groups = [], [], []
    mining: list[bool] = []
    for first in range(0, len(tiles), TILES_AT_ONCE):
        part = tiles[first : first + TILES_AT_ONCE]
        for tile, (grid, rows) in zip(part, load_windows(part, key), strict=True):
            try:
                labels = load_labels(tile) if tile.tile.kind != TileKind.CROP else None
            except (
                NotThere,
                ValueError,
            ):  # its raster is lost: what was labelled there teaches the first head alone
                continue
            for place in rows_of[tile.pk]:
                shown = rows
                if labels is not None:
                    shown = rows[windows_within(labels, grid, data.rows[place].superpixel, WITHIN)]
                if len(shown) > MOST_WINDOWS:
                    some = np.random.default_rng(place).permutation(len(shown))[:MOST_WINDOWS]
                    shown = shown[np.sort(some)]
                if len(shown):
                    owners.append(np.full(len(shown), len(mining)))
                    windows.append(shown)
                    mining.append(bool(data.mining[place]))
                    groups.append(places[place])
    if not windows:
        return None
    return Bags(np.concatenate(windows), np.concatenate(owners), np.array(mining), np.array(groups))
