"""Freezing what people said into training rows that never change."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from amberapp import storage
from amberapp.audit import record
from amberapp.errors import UserError
from amberapp.models import User
from detection.models import Dataset, Region, SegmentedTile


@dataclass(frozen=True)
class TrainingRow:
    """One superpixel and what it is. `segmented_tile` is used to find it, not kept in the file."""

    segmented_tile: int
    superpixel: int
    mining: bool
    look_alike: str = ""


@dataclass(frozen=True, order=True)
class FrozenRow:
    image: str
    segmentation: str
    superpixel: int
    mining: bool
    look_alike: str
    latitude: float | None
    longitude: float | None
    capture_date: str | None


@dataclass(frozen=True)
class CampaignNote:
    """A campaign that shaped the rows, by labelling `superpixels` of them or by leaving so many out."""

    number: int
    name: str
    decision: str
    look_alike: str
    superpixels: int


def freeze(
    *,
    region: Region,
    rows: Iterable[TrainingRow],
    acting_user: User | None,
    campaigns: Sequence[CampaignNote] = (),
) -> Dataset:
    """Write the rows as JSON lines under their hash, after a first line that names the `campaigns`, if any.

    The same rows and campaigns give the same Dataset. Raises UserError when there is nothing to learn from.
    """
    rows = list(rows)
    positives = sum(row.mining for row in rows)
    if not positives or positives == len(rows):
        raise UserError(
            _(
                "There are %(positives)s superpixels labelled as mining and %(negatives)s as not mining: "
                "a classifier needs both. Label more tiles or import crops."
            )
            % {"positives": positives, "negatives": len(rows) - positives},
            code="too_few_labels",
        )
    tiles = SegmentedTile.objects.select_related("tile", "segmentation").in_bulk(
        {row.segmented_tile for row in rows}
    )
    frozen = sorted(
        (_frozen(row, tiles[row.segmented_tile]) for row in rows),
        key=lambda row: (row.image, row.segmentation, row.superpixel),
    )
    lines: list[dict[str, Any]] = [asdict(row) for row in frozen]
    if campaigns:
        lines.insert(0, {"campaigns": [asdict(note) for note in campaigns]})
    data = "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines).encode()
    digest = storage.sha256_of(data)
    key = storage.put(storage.content_key("datasets", data, ".jsonl"), data)
    with transaction.atomic():
        dataset, created = Dataset.objects.get_or_create(
            content_hash=digest,
            defaults={
                "region": region,
                "file_key": key,
                "rows": len(frozen),
                "positives": positives,
                "created_by": acting_user,
            },
        )
        if created:
            record(acting_user, "dataset.frozen", dataset, rows=len(frozen), positives=positives)
    return dataset


def _frozen(row: TrainingRow, segmented: SegmentedTile) -> FrozenRow:
    tile = segmented.tile
    return FrozenRow(
        image=tile.sha256,
        segmentation=segmented.segmentation.key,
        superpixel=row.superpixel,
        mining=row.mining,
        look_alike=row.look_alike,
        latitude=tile.latitude,
        longitude=tile.longitude,
        capture_date=tile.capture_date.isoformat() if tile.capture_date else None,
    )


def read(dataset: Dataset) -> list[FrozenRow]:
    """The rows of a Dataset, in their frozen order. Raises UserError when the file is not what it was."""
    lines = (json.loads(line) for line in _text(dataset.file_key, dataset.content_hash).splitlines())
    return [FrozenRow(**line) for line in lines if "campaigns" not in line]


def campaigns_of(dataset: Dataset) -> list[CampaignNote]:
    """The campaigns that a Dataset names, the oldest first. Raises UserError when the file is not what it was."""
    return list(_campaigns_in(dataset.file_key, dataset.content_hash))


# A page lists many datasets, and none of them ever changes.
@lru_cache(maxsize=256)
def _campaigns_in(file_key: str, content_hash: str) -> tuple[CampaignNote, ...]:
    first = _text(file_key, content_hash).partition("\n")[0]
    named = json.loads(first).get("campaigns", []) if first else []
    return tuple(CampaignNote(**note) for note in named)


def _text(file_key: str, content_hash: str) -> str:
    data = storage.get(file_key)
    if storage.sha256_of(data) != content_hash:
        raise UserError(
            _("The file of dataset %(name)s has been changed: restore it from a backup.")
            % {"name": content_hash[:12]}
        )
    return data.decode()
