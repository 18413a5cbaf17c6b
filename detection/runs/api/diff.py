"""API of the comparison of two runs."""

from typing import Any

from django.core.paginator import Paginator
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from amberapp.models import Job
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import IsExpert
from detection.models import Detection
from detection.runs.diff import KINDS, REASONS, DifferingTile, compare_or_ask, earlier_and_later, tiles_of

TILES_A_PAGE = 100


class FoundSerializer(serializers.ModelSerializer[Any]):
    """What one run says of the tile."""

    class Meta:
        model = Detection
        fields = ["id", "score", "superpixels", "hectares"]


class DifferingTileSerializer(serializers.Serializer[Any]):
    tile = serializers.IntegerField(source="tile.pk")
    file_name = serializers.CharField(source="tile.file_name")
    latitude = serializers.FloatField(source="tile.latitude", allow_null=True)
    longitude = serializers.FloatField(source="tile.longitude", allow_null=True)
    kind = serializers.ChoiceField(choices=KINDS)
    reason = serializers.ChoiceField(choices=REASONS)
    then = FoundSerializer(allow_null=True)
    now = FoundSerializer(allow_null=True)


class RunDiffSerializer(serializers.Serializer[Any]):
    """`ready` is false while a worker still compares: `job` is then its number, and all else is null."""

    ready = serializers.BooleanField()
    job = serializers.IntegerField(allow_null=True)
    then = serializers.IntegerField()
    now = serializers.IntegerField()
    unchanged = serializers.IntegerField(allow_null=True)
    counts = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        allow_null=True,
        help_text="{kind: {reason: tiles}}",
    )
    count = serializers.IntegerField(allow_null=True, help_text="tiles of the chosen kind and reason")
    pages = serializers.IntegerField(allow_null=True)
    results = DifferingTileSerializer(many=True, allow_null=True)


class RunDiff(APIView):
    """What differs between two runs of a region: counts, and one page of the tiles."""

    permission_classes = [IsExpert]

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", str, enum=KINDS),
            OpenApiParameter("reason", str, enum=REASONS),
            OpenApiParameter("page", int),
        ],
        responses={200: RunDiffSerializer, 202: RunDiffSerializer},
    )
    def get(self, request: Request, run_id: int, other_id: int) -> Response:
        then, now = earlier_and_later(run_id, other_id)
        diff = compare_or_ask(then, now, acting_user=signed_in(request))
        answer: dict[str, Any] = {"ready": True, "job": None, "then": then.pk, "now": now.pk}
        if isinstance(diff, Job):
            nothing = dict.fromkeys(("unchanged", "counts", "count", "pages", "results"))
            return Response(
                {**answer, **nothing, "ready": False, "job": diff.pk}, status=status.HTTP_202_ACCEPTED
            )
        query = request.query_params
        rows = diff.chosen(query.get("kind", ""), query.get("reason", ""))
        page = Paginator(rows, TILES_A_PAGE).get_page(query.get("page"))
        tiles: list[DifferingTile] = tiles_of(page.object_list)  # type: ignore[arg-type]
        return Response(
            {
                **answer,
                "unchanged": diff.unchanged,
                "counts": diff.counts(),
                "count": len(rows),
                "pages": page.paginator.num_pages,
                "results": DifferingTileSerializer(tiles, many=True).data,
            }
        )
