"""The area watched and the images of it."""

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

# How far from its middle a tile's edge may lie, in degrees of latitude; in longitude twice as far.
TILE_REACH = 0.05


class ImagerySource(models.Model):
    """Where pixels come from, and what may be done with them."""

    name = models.CharField(max_length=120, unique=True)
    attribution = models.CharField(max_length=300)
    licence = models.CharField(max_length=300, blank=True)
    may_store = models.BooleanField(default=True)
    may_derive = models.BooleanField(default=True)
    may_publish = models.BooleanField(default=False)
    synthetic = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Region(models.Model):
    """A polygon that is searched with one imagery source at one zoom."""

    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(max_length=120, unique=True)
    mineral = models.CharField(max_length=60, default="amber")
    polygon = models.JSONField(null=True, help_text="GeoJSON Polygon or MultiPolygon, WGS 84")
    zoom = models.PositiveSmallIntegerField(default=18)
    source = models.ForeignKey(ImagerySource, on_delete=models.PROTECT, related_name="regions")
    active_classifier = models.ForeignKey(
        "Classifier", null=True, blank=True, on_delete=models.PROTECT, related_name="active_in"
    )
    # A tile is marked when MORE than this many of its superpixels are positive.
    positive_superpixels = models.PositiveSmallIntegerField(default=2)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TileKind(models.TextChoices):
    """A tile is one image of ground; a crop shows one superpixel of a tile whose whole is not here."""

    TILE = "tile", _("tile")
    CROP = "crop", _("crop")


class TileQuerySet(models.QuerySet):
    def whole(self) -> Self:
        return self.filter(kind=TileKind.TILE)

    def crops(self) -> Self:
        return self.filter(kind=TileKind.CROP)

    def on_the_map(self) -> Self:
        """Tiles whose ground is known."""
        return self.filter(kind=TileKind.TILE, west__isnull=False)

    def showing(self, latitude: float, longitude: float) -> Self:
        """Tiles whose image covers the point. Their middles are near, for they are some kilometres wide at most: the
        index finds them."""
        return self.filter(
            latitude__range=(latitude - TILE_REACH, latitude + TILE_REACH),
            longitude__range=(longitude - 2 * TILE_REACH, longitude + 2 * TILE_REACH),
            west__lte=longitude,
            east__gte=longitude,
            south__lte=latitude,
            north__gte=latitude,
        )


class Tile(models.Model):
    """One image: its original bytes under their hash, its place and date where they are known."""

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="tiles")
    source = models.ForeignKey(ImagerySource, on_delete=models.PROTECT, related_name="tiles")
    kind = models.CharField(max_length=8, choices=TileKind.choices, default=TileKind.TILE)
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    image_key = models.CharField(max_length=120)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    # Bounds in degrees, WGS 84; null where the place is not known (and always for crops).
    west = models.FloatField(null=True)
    south = models.FloatField(null=True)
    east = models.FloatField(null=True)
    north = models.FloatField(null=True)
    # Centre of the tile (of the crop's parent tile); kept for grouping by place.
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)
    ground_sample_distance = models.FloatField(null=True, help_text="metres per pixel")
    capture_date = models.DateField(null=True)
    # Why the place (or the date) is not known although something was said about it.
    place_problem = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TileQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["region", "sha256"], name="one_tile_per_image")]
        indexes = [
            models.Index(fields=["region", "kind", "id"]),
            models.Index(fields=["region", "latitude", "longitude"]),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """(west, south, east, north) in degrees, or None where the place is not known."""
        if self.west is None or self.south is None or self.east is None or self.north is None:
            return None
        return (self.west, self.south, self.east, self.north)

    @property
    def place_id(self) -> str:
        """Short permanent name of this image of ground, used in permalinks."""
        return self.sha256[:16]


class District(models.Model):
    """An area with a name (a district, a nature reserve) by which the hectares of a region are counted."""

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="districts")
    name = models.CharField(max_length=120)
    names = models.JSONField(
        default=dict, blank=True, help_text="by language code, where the file tells them"
    )
    polygon = models.JSONField(help_text="GeoJSON MultiPolygon, WGS 84")
    west = models.FloatField()
    south = models.FloatField()
    east = models.FloatField()
    north = models.FloatField()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["region", "name"], name="one_district_per_name")]

    def __str__(self) -> str:
        return self.name


class PlaceName(models.Model):
    """A point with a name (a village, a lake) that readers of the map may search for."""

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="place_names")
    name = models.CharField(max_length=120)
    names = models.JSONField(
        default=dict, blank=True, help_text="by language code, where the file tells them"
    )
    latitude = models.FloatField()
    longitude = models.FloatField()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name
