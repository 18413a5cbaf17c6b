"""Pictures, rasters and outlines of tiles."""

from django.urls import path

from detection.ground.views import images

urlpatterns = [
    path("tiles/<int:tile_id>/image.webp", images.tile_image, name="tile-image"),
    path("tiles/segmented/<int:segmented_tile_id>/raster.png", images.tile_raster, name="tile-raster"),
    path("tiles/segmented/<int:segmented_tile_id>/pieces.png", images.tile_pieces, name="tile-pieces"),
    path("tiles/segmented/<int:segmented_tile_id>/outlines.json", images.tile_outlines, name="tile-outlines"),
]
