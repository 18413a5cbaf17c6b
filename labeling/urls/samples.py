"""Samples for an area estimate: experts judge tiles blind, admins draw and follow them."""

from django.urls import path

from labeling.api import samples as api
from labeling.views import samples

urlpatterns = [
    path("review/sample/", samples.sample_choice, name="sample-choice"),
    path("review/sample/<int:sample_id>/", samples.sample_judge, name="sample-judge"),
    path("manage/samples/", samples.samples, name="samples"),
    path("manage/samples/<int:sample_id>/", samples.sample, name="sample"),
    path("manage/samples/<int:sample_id>/close/", samples.sample_close, name="sample-close"),
    path("manage/samples/<int:sample_id>/abandon/", samples.sample_abandon, name="sample-abandon"),
    path("api/samples/<int:sample_id>/next/", api.NextSampleTile.as_view(), name="api-sample-next"),
    path(
        "api/samples/<int:sample_id>/tiles/<int:sample_tile_id>/",
        api.SampleTileAnswer.as_view(),
        name="api-sample-tile",
    ),
    path(
        "review/sample/<int:sample_id>/tiles/<int:sample_tile_id>/image.webp",
        samples.sample_tile_image,
        name="sample-tile-image",
    ),
    path(
        "review/sample/<int:sample_id>/tiles/<int:sample_tile_id>/raster.png",
        samples.sample_tile_raster,
        name="sample-tile-raster",
    ),
]
