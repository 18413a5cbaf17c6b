"""Samples for an area estimate: experts judge tiles blind, admins draw and follow them."""

from django.urls import path

from labeling.area import api, views

urlpatterns = [
    path("review/sample/", views.sample_choice, name="sample-choice"),
    path("review/sample/<int:sample_id>/", views.sample_judge, name="sample-judge"),
    path("manage/samples/", views.samples, name="samples"),
    path("manage/samples/<int:sample_id>/", views.sample, name="sample"),
    path("manage/samples/<int:sample_id>/close/", views.sample_close, name="sample-close"),
    path("manage/samples/<int:sample_id>/abandon/", views.sample_abandon, name="sample-abandon"),
    path("api/samples/<int:sample_id>/next/", api.NextSampleTile.as_view(), name="api-sample-next"),
    path(
        "api/samples/<int:sample_id>/tiles/<int:sample_tile_id>/",
        api.SampleTileAnswer.as_view(),
        name="api-sample-tile",
    ),
    path(
        "review/sample/<int:sample_id>/tiles/<int:sample_tile_id>/image.webp",
        views.sample_tile_image,
        name="sample-tile-image",
    ),
    path(
        "review/sample/<int:sample_id>/tiles/<int:sample_tile_id>/raster.png",
        views.sample_tile_raster,
        name="sample-tile-raster",
    ),
]
