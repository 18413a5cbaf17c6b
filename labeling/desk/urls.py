"""The labelling desk and what it talks to."""

from django.urls import path

from labeling.crowd.views import my_contributions
from labeling.desk.api import tiles as api
from labeling.desk.api.surroundings import TileSurroundings
from labeling.desk.views import desk

urlpatterns = [
    path("label/", desk.desk, name="desk"),
    path("label/mine/", my_contributions.my_labels, name="my-labels"),
    path("api/desk/next/", api.NextTile.as_view(), name="api-desk-next"),
    path("api/desk/tiles/<int:segmented_tile_id>/", api.DeskTile.as_view(), name="api-desk-tile"),
    path(
        "api/desk/tiles/<int:segmented_tile_id>/surroundings/",
        TileSurroundings.as_view(),
        name="api-desk-surroundings",
    ),
    path("api/desk/escalated/", api.Escalated.as_view(), name="api-desk-escalated"),
    path("api/desk/claims/renew/", api.Renew.as_view(), name="api-desk-renew"),
    path("api/desk/claims/release/", api.Release.as_view(), name="api-desk-release"),
    path("api/desk/submissions/", api.Submissions.as_view(), name="api-desk-submissions"),
    path(
        "api/desk/submissions/<uuid:submission_id>/withdraw/",
        api.Withdraw.as_view(),
        name="api-desk-withdraw",
    ),
]
