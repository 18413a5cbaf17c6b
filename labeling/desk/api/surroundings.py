"""What lies around a tile of the desk: neighbouring tiles, and the same ground on other dates."""

from dataclasses import asdict
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from amberapp.errors import NotThere
from amberapp.web.permissions import IsVolunteer
from detection.models import SegmentedTile, TileKind
from labeling.desk.serializers import DeskThrottle
from labeling.desk.surroundings import Nearby, surroundings_of


class NearbySerializer(serializers.Serializer[Any]):
    """Another picture of the ground, or of ground beside it."""

    tile = serializers.IntegerField()
    image = serializers.CharField(help_text="address of the picture; `size` may be changed")
    capture_date = serializers.DateField(allow_null=True)
    box = serializers.ListField(
        child=serializers.FloatField(),
        min_length=4,
        max_length=4,
        help_text="left, top, right, bottom in pixels of the tile that was asked about",
    )


class SurroundingsSerializer(serializers.Serializer[Any]):
    neighbours = NearbySerializer(many=True, help_text="at most eight, the newest picture of each place")
    dates = NearbySerializer(many=True, help_text="at most eight, newest first")


class TileSurroundings(APIView):
    """The neighbours of a tile and its other capture dates. Empty where the place is not known."""

    permission_classes = [IsVolunteer]
    throttle_classes = [DeskThrottle]

    @extend_schema(responses=SurroundingsSerializer)
    def get(self, request: Request, segmented_tile_id: int) -> Response:
        segmented = (
            SegmentedTile.objects.select_related("tile")
            .filter(pk=segmented_tile_id, tile__kind=TileKind.TILE)
            .first()
        )
        if segmented is None:
            raise NotThere(_("There is no tile %(number)s to label.") % {"number": segmented_tile_id})
        surroundings = surroundings_of(segmented.tile)
        answer = {
            "neighbours": [_described(nearby, 256) for nearby in surroundings.neighbours],
            "dates": [_described(nearby, 512) for nearby in surroundings.dates],
        }
        return Response(SurroundingsSerializer(answer).data)


def _described(nearby: Nearby, size: int) -> dict[str, Any]:
    image = f"{reverse('tile-image', args=[nearby.tile])}?size={size}"
    return {**asdict(nearby), "image": image, "box": [round(edge, 2) for edge in nearby.box]}
