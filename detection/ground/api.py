"""The API's doors to regions and tiles: read only, for volunteers and up."""

from typing import Any

import django_filters
from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, viewsets

from amberapp.web.permissions import IsVolunteer
from detection.models import ImagerySource, Region, Tile, TileKind


class ImagerySourceSerializer(serializers.ModelSerializer[Any]):
    class Meta:
        model = ImagerySource
        fields = [
            "id",
            "name",
            "attribution",
            "licence",
            "may_store",
            "may_derive",
            "may_publish",
            "synthetic",
        ]


class RegionSerializer(serializers.ModelSerializer[Any]):
    imagery_source = ImagerySourceSerializer(read_only=True, source="source")
    tiles = serializers.IntegerField(read_only=True, source="tile_count")
    polygon = serializers.JSONField(read_only=True, allow_null=True)

    class Meta:
        model = Region
        fields = [
            "id",
            "name",
            "slug",
            "mineral",
            "zoom",
            "positive_superpixels",
            "polygon",
            "imagery_source",
            "tiles",
            "active_classifier",
        ]


class TileSerializer(serializers.ModelSerializer[Any]):
    bounds = serializers.SerializerMethodField(help_text="[west, south, east, north] in degrees, or null")
    image = serializers.SerializerMethodField(
        help_text="address of a WebP picture, at most 1000 pixels a side"
    )

    class Meta:
        model = Tile
        fields = [
            "id",
            "region",
            "source",
            "kind",
            "file_name",
            "sha256",
            "width",
            "height",
            "bounds",
            "latitude",
            "longitude",
            "ground_sample_distance",
            "capture_date",
            "place_problem",
            "image",
            "created_at",
        ]

    @extend_schema_field(
        serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4, allow_null=True)
    )
    def get_bounds(self, tile: Tile) -> list[float] | None:
        return list(tile.bounds) if tile.bounds else None

    @extend_schema_field(serializers.CharField())
    def get_image(self, tile: Tile) -> str:
        return reverse("tile-image", args=[tile.pk])


class TileFilter(django_filters.FilterSet):
    region = django_filters.ModelChoiceFilter(queryset=Region.objects.all())
    kind = django_filters.ChoiceFilter(choices=TileKind.choices)
    placed = django_filters.BooleanFilter(field_name="west", lookup_expr="isnull", exclude=True)
    taken_after = django_filters.DateFilter(field_name="capture_date", lookup_expr="gte")
    taken_before = django_filters.DateFilter(field_name="capture_date", lookup_expr="lte")
    west = django_filters.NumberFilter(field_name="east", lookup_expr="gte")
    east = django_filters.NumberFilter(field_name="west", lookup_expr="lte")
    south = django_filters.NumberFilter(field_name="north", lookup_expr="gte")
    north = django_filters.NumberFilter(field_name="south", lookup_expr="lte")

    class Meta:
        model = Tile
        fields: list[str] = []


class RegionViewSet(viewsets.ReadOnlyModelViewSet):
    """Regions, with what their imagery may be used for."""

    permission_classes = [IsVolunteer]
    serializer_class = RegionSerializer
    filterset_fields = ["slug", "mineral"]

    def get_queryset(self) -> QuerySet[Region]:
        return (
            Region.objects.select_related("source")
            .annotate(tile_count=Count("tiles", filter=Q(tiles__kind=TileKind.TILE)))
            .order_by("name")
        )


class TileViewSet(viewsets.ReadOnlyModelViewSet):
    """Tiles and crops. `west`, `south`, `east` and `north` find those that touch a box."""

    permission_classes = [IsVolunteer]
    serializer_class = TileSerializer
    filterset_class = TileFilter
    queryset: Any = Tile.objects.all()
