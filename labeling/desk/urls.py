"""The labelling desk, what it talks to, and the rules by which it is run."""

from django.urls import path

from labeling.desk.api import surroundings, tiles
from labeling.desk.views import desk, rules

urlpatterns = [
    path("label/", desk.desk, name="desk"),
    path("manage/desks/", rules.desks, name="desks"),
    path("manage/regions/<slug:slug>/desk/", rules.desk_rules, name="desk-rules"),
    path("api/desk/next/", tiles.NextTile.as_view(), name="api-desk-next"),
    path("api/desk/tiles/<int:segmented_tile_id>/", tiles.DeskTile.as_view(), name="api-desk-tile"),
    path(
        "api/desk/tiles/<int:segmented_tile_id>/surroundings/",
        surroundings.TileSurroundings.as_view(),
        name="api-desk-surroundings",
    ),
    path("api/desk/escalated/", tiles.Escalated.as_view(), name="api-desk-escalated"),
    path("api/desk/claims/renew/", tiles.Renew.as_view(), name="api-desk-renew"),
    path("api/desk/claims/release/", tiles.Release.as_view(), name="api-desk-release"),
    path("api/desk/submissions/", tiles.Submissions.as_view(), name="api-desk-submissions"),
    path(
        "api/desk/submissions/<uuid:submission_id>/withdraw/",
        tiles.Withdraw.as_view(),
        name="api-desk-withdraw",
    ),
]
