"""Regions, imagery sources, the way in for tiles, and their pictures, rasters and outlines."""

from django.urls import path

from detection.ground.api import RegionViewSet, TileViewSet
from detection.ground.views import districts, images, regions

urlpatterns = [
    path("tiles/<int:tile_id>/image.webp", images.tile_image, name="tile-image"),
    path("tiles/segmented/<int:segmented_tile_id>/raster.png", images.tile_raster, name="tile-raster"),
    path("tiles/segmented/<int:segmented_tile_id>/pieces.png", images.tile_pieces, name="tile-pieces"),
    path("tiles/segmented/<int:segmented_tile_id>/outlines.json", images.tile_outlines, name="tile-outlines"),
    path("manage/regions/", regions.regions, name="regions"),
    path("manage/regions/new/", regions.region_new, name="region-new"),
    path("manage/regions/<slug:slug>/edit/", regions.region_edit, name="region-edit"),
    path("manage/regions/<slug:slug>/tiles/", regions.region_tiles, name="region-tiles"),
    path("manage/regions/<slug:slug>/upload/", regions.upload, name="region-upload"),
    path("manage/regions/<slug:slug>/upload/file/", regions.upload_file, name="region-upload-file"),
    path("manage/regions/<slug:slug>/districts/", districts.districts, name="districts"),
    path(
        "manage/regions/<slug:slug>/districts/<int:district_id>/remove/",
        districts.district_remove,
        name="district-remove",
    ),
    path("manage/regions/<slug:slug>/names/remove/", districts.place_names_remove, name="place-names-remove"),
    path("manage/sources/", regions.sources, name="sources"),
    path("manage/sources/new/", regions.source_new, name="source-new"),
    path("manage/sources/<int:source_id>/edit/", regions.source_edit, name="source-edit"),
    path("api/regions/", RegionViewSet.as_view({"get": "list"}), name="api-regions"),
    path("api/regions/<int:pk>/", RegionViewSet.as_view({"get": "retrieve"}), name="api-region"),
    path("api/tiles/", TileViewSet.as_view({"get": "list"}), name="api-tiles"),
    path("api/tiles/<int:pk>/", TileViewSet.as_view({"get": "retrieve"}), name="api-tile"),
]
