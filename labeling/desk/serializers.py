"""What the labelling desk and its scripts say to one another; shared with the tutorial and the blind sample."""

from typing import Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.throttling import UserRateThrottle

from amberapp.web.parameters import BIGGEST_ID
from detection.models import SegmentedTile
from labeling.desk.escalation import escalated_superpixels
from labeling.desk.queue import settled_superpixels
from labeling.desk.suggestions import suggestion_for
from labeling.models import Claim, LabelVerdict, NotCounted, Submission

# Tiles that a desk may name at once: those it holds and those that wait to be sent.
MOST_NAMED = 200


class DeskThrottle(UserRateThrottle):
    """A quick volunteer sends a tile every few seconds; ten a second is a script."""

    scope = "desk"
    rate = "600/min"


class SourceSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    attribution = serializers.CharField()
    synthetic = serializers.BooleanField()


class LabelSerializer(serializers.Serializer[Any]):
    """Types only: whether the labels fit the tile is the action's to say (labeling.desk.labels)."""

    superpixel = serializers.IntegerField(min_value=1)
    piece = serializers.IntegerField(
        default=0, help_text="0: the whole superpixel; 1…: a fragment of a mixed one"
    )
    verdict = serializers.CharField(help_text=f"one of {', '.join(LabelVerdict.values)}")
    look_alike = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="a look-alike's slug"
    )


class MineSerializer(serializers.Serializer[Any]):
    submission = serializers.UUIDField()
    labels = LabelSerializer(many=True)


class SuggestionsSerializer(serializers.Serializer[Any]):
    run = serializers.IntegerField()
    threshold = serializers.FloatField()
    probabilities = serializers.ListField(
        child=serializers.FloatField(), help_text="of mining, superpixel 1 first"
    )


class TilePictureSerializer(serializers.Serializer[Any]):
    """A tile's image and superpixels. Raster: see detection.segmentation.raster for how its pixels are read."""

    image = serializers.CharField(help_text="address of the image")
    raster = serializers.CharField(help_text="address of the label raster (PNG)")
    scale = serializers.IntegerField(help_text="side in image pixels of one raster pixel")
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    superpixels = serializers.IntegerField(help_text="superpixels are numbered 1 to this")
    capture_date = serializers.DateField(allow_null=True)
    source = SourceSerializer()  # type: ignore[assignment]  # the stubs' Field has an attribute of that name


class DeskTileSerializer(TilePictureSerializer):
    """A tile as the desk needs it."""

    segmented_tile = serializers.IntegerField()
    tile = serializers.IntegerField()
    region = serializers.CharField(help_text="the region's slug")
    latitude = serializers.FloatField(allow_null=True)
    longitude = serializers.FloatField(allow_null=True)
    pieces = serializers.CharField(help_text="address of the finer raster for the verdict “mixed” (PNG)")
    counts = serializers.BooleanField(help_text="false: the tile has had the votes it wanted")
    lease_until = serializers.DateTimeField(
        allow_null=True, help_text="until when it is kept for this person"
    )
    suggestions = SuggestionsSerializer(allow_null=True)
    settled = serializers.ListField(
        child=serializers.IntegerField(), help_text="superpixels that nobody needs to label any more"
    )
    escalated = serializers.ListField(
        child=serializers.IntegerField(), help_text="superpixels that an expert is asked about"
    )
    mine = MineSerializer(allow_null=True, help_text="this person's counting labels of the tile")


class SessionSerializer(serializers.Serializer[Any]):
    tiles_today = serializers.IntegerField()
    tiles_total = serializers.IntegerField()


class NextSerializer(serializers.Serializer[Any]):
    tile = DeskTileSerializer(allow_null=True)
    reason = serializers.ChoiceField(choices=["", "no_tiles", "all_labelled", "tutorial", "none_escalated"])
    message = serializers.CharField(allow_blank=True)
    session = SessionSerializer()


class NextInputSerializer(serializers.Serializer[Any]):
    region = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="slug; without it the region labelled last"
    )
    held = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=BIGGEST_ID),
        max_length=MOST_NAMED,
        default=list,
        help_text="segmented tiles that the desk has already",
    )
    skipped = serializers.BooleanField(default=False, help_text="bring back tiles that were given back")


class TilesSerializer(serializers.Serializer[Any]):
    tiles = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=BIGGEST_ID), max_length=MOST_NAMED
    )


class RenewedSerializer(serializers.Serializer[Any]):
    until = serializers.DictField(
        child=serializers.DateTimeField(), help_text="by segmented tile; those that are missing have run out"
    )


class ReleasedSerializer(serializers.Serializer[Any]):
    released = serializers.IntegerField()


class SubmissionInputSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="made by the client; sending it twice is safe")
    segmented_tile = serializers.IntegerField()
    labels = LabelSerializer(many=True, allow_empty=True)
    decides = serializers.BooleanField(default=False, help_text="an expert settles these superpixels")


class SubmissionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    segmented_tile = serializers.IntegerField(source="segmented_tile_id")
    created_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    spare = serializers.ChoiceField(
        choices=NotCounted.choices, help_text="why the labels do not count; empty: they do"
    )


class ReceiptSerializer(serializers.Serializer[Any]):
    submission = SubmissionSerializer()
    message = serializers.CharField(allow_blank=True, help_text="why the labels do not count")
    session = SessionSerializer()


def describe_picture(segmented: SegmentedTile) -> dict[str, Any]:
    """What `TilePictureSerializer` shows, without the addresses: who may look decides those."""
    tile = segmented.tile
    return {
        "scale": segmented.segmentation.downscale,
        "width": tile.width,
        "height": tile.height,
        "superpixels": segmented.superpixels,
        "capture_date": tile.capture_date,
        "source": tile.source,
    }


def describe(
    segmented: SegmentedTile, mine: Submission | None = None, claim: Claim | None = None
) -> dict[str, Any]:
    """What `DeskTileSerializer` shows of a tile that came with its image, source, region and progress."""
    tile = segmented.tile
    return {
        **describe_picture(segmented),
        "segmented_tile": segmented.pk,
        "tile": tile.pk,
        "region": tile.region.slug,
        "image": reverse("tile-image", args=[tile.pk]) + "?size=1000",
        "raster": reverse("tile-raster", args=[segmented.pk]),
        "pieces": reverse("tile-pieces", args=[segmented.pk]),
        "latitude": tile.latitude,
        "longitude": tile.longitude,
        "counts": claim is not None or mine is not None,
        "lease_until": claim.until if claim else None,
        "suggestions": suggestion_for(claim) if claim else None,
        "settled": settled_superpixels(segmented),
        "escalated": escalated_superpixels(segmented),
        "mine": {"submission": mine.pk, "labels": mine.labels.all()} if mine else None,
    }
