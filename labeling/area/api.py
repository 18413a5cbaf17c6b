"""API of a sample that experts judge blind: the next tile, what is seen on it, a tile once more.

Nothing here tells what the map or the machine says of a tile, nor which part of the sample it belongs to.
"""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from amberapp.web.parameters import BIGGEST_ID, signed_in
from amberapp.web.permissions import IsExpert
from labeling.area.answers import answer_tile, next_tile, progress_of, tile_again
from labeling.area.sample import sample_numbered
from labeling.desk.serializers import DeskThrottle, TilePictureSerializer, describe_picture
from labeling.models import SampleTile

MOST_HELD = 20
MOST_SUPERPIXELS = 65535


class HeldSerializer(serializers.Serializer[Any]):
    held = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=BIGGEST_ID),
        max_length=MOST_HELD,
        default=list,
        help_text="sample tiles that the page has already",
    )


class SampleTileSerializer(TilePictureSerializer):
    """A tile without anything that would tell what the map says of it, not even where it lies."""

    id = serializers.IntegerField(help_text="the sample tile; answers name it")


class ProgressSerializer(serializers.Serializer[Any]):
    tiles = serializers.IntegerField()
    judged = serializers.IntegerField(help_text="by anybody")
    mine = serializers.IntegerField(help_text="by this expert")


class NextSampleTileSerializer(serializers.Serializer[Any]):
    tile = SampleTileSerializer(allow_null=True, help_text="null: nothing is left for this expert")
    progress = ProgressSerializer()


class NewAnswerSerializer(serializers.Serializer[Any]):
    superpixels = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MOST_SUPERPIXELS),
        max_length=MOST_SUPERPIXELS,
        help_text="those on which mining is seen; empty: none",
    )
    unusable = serializers.BooleanField(default=False, help_text="cloud, damage: nothing can be said")


class KeptAnswerSerializer(serializers.Serializer[Any]):
    superpixels = serializers.ListField(child=serializers.IntegerField())
    unusable = serializers.BooleanField()


class AnsweredTileSerializer(serializers.Serializer[Any]):
    tile = SampleTileSerializer()
    answer = KeptAnswerSerializer()


class NextSampleTile(APIView):
    """The next tile for this expert, kept for them for a quarter of an hour."""

    permission_classes = [IsExpert]
    throttle_classes = [DeskThrottle]

    @extend_schema(request=HeldSerializer, responses=NextSampleTileSerializer)
    def post(self, request: Request, sample_id: int) -> Response:
        data = HeldSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        sample, expert = sample_numbered(sample_id), signed_in(request)
        tile = next_tile(sample=sample, expert=expert, held=data.validated_data["held"])
        answer = {"tile": _described(tile) if tile else None, "progress": progress_of(sample, expert)}
        return Response(NextSampleTileSerializer(answer).data)


class SampleTileAnswer(APIView):
    """This expert's own answer on one tile of the sample. Sent again, it replaces the one before."""

    permission_classes = [IsExpert]
    throttle_classes = [DeskThrottle]

    @extend_schema(responses=AnsweredTileSerializer)
    def get(self, request: Request, sample_id: int, sample_tile_id: int) -> Response:
        tile, answer = tile_again(
            sample=sample_numbered(sample_id), expert=signed_in(request), sample_tile_id=sample_tile_id
        )
        return Response(AnsweredTileSerializer({"tile": _described(tile), "answer": answer}).data)

    @extend_schema(request=NewAnswerSerializer, responses=ProgressSerializer)
    def put(self, request: Request, sample_id: int, sample_tile_id: int) -> Response:
        data = NewAnswerSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        sample, expert = sample_numbered(sample_id), signed_in(request)
        answer_tile(
            sample=sample,
            expert=expert,
            sample_tile_id=sample_tile_id,
            superpixels=data.validated_data["superpixels"],
            unusable=data.validated_data["unusable"],
        )
        return Response(ProgressSerializer(progress_of(sample, expert)).data)


def _described(sampled: SampleTile) -> dict[str, Any]:
    # By the sample's own numbers: those of the tile stand beside scores and verdicts in other answers.
    numbers = [sampled.sample_id, sampled.pk]
    return {
        **describe_picture(sampled.segmented_tile),
        "id": sampled.pk,
        "image": reverse("sample-tile-image", args=numbers) + "?size=1000",
        "raster": reverse("sample-tile-raster", args=numbers),
    }
