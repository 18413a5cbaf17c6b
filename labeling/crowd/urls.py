"""Volunteers: their own page and tutorial, and the admin's pages about them and what they learn from."""

from django.urls import path

from labeling.crowd import api
from labeling.crowd.views import my_contributions, teaching, tutorial, volunteers

urlpatterns = [
    path("label/mine/", my_contributions.my_labels, name="my-labels"),
    path("label/tutorial/", tutorial.tutorial, name="tutorial"),
    path("api/tutorial/", api.Tutorial.as_view(), name="api-tutorial"),
    path("api/tutorial/lessons/<int:lesson_id>/", api.TakeLesson.as_view(), name="api-tutorial-lesson"),
    path("api/tutorial/know/", api.KnowThis.as_view(), name="api-tutorial-know"),
    path("manage/volunteers/", volunteers.volunteers, name="volunteers"),
    path("manage/volunteers/<str:username>/", volunteers.volunteer, name="volunteer"),
    path(
        "manage/volunteers/<str:username>/quarantine/",
        volunteers.volunteer_quarantine,
        name="volunteer-quarantine",
    ),
    path("manage/volunteers/<str:username>/trust/", volunteers.volunteer_trust, name="volunteer-trust"),
    path("manage/volunteers/<str:username>/reverse/", volunteers.volunteer_reverse, name="volunteer-reverse"),
    path("manage/anchoring/", volunteers.suggestion_bias_page, name="anchoring"),
    path("manage/look-alikes/", teaching.look_alikes, name="look-alikes"),
    path("manage/look-alikes/new/", teaching.look_alike_new, name="look-alike-new"),
    path("manage/look-alikes/<slug:slug>/", teaching.look_alike, name="look-alike"),
    path("manage/look-alikes/<slug:slug>/move/", teaching.look_alike_move, name="look-alike-move"),
    path("manage/look-alikes/<slug:slug>/retire/", teaching.look_alike_retire, name="look-alike-retire"),
    path("manage/look-alikes/<slug:slug>/back/", teaching.look_alike_back, name="look-alike-back"),
    path("manage/known-tiles/", teaching.gold_standard_tiles, name="known-tiles"),
    path("manage/known-tiles/new/", teaching.gold_standard_tile_new, name="known-tile-new"),
    path("manage/known-tiles/<int:known_id>/", teaching.gold_standard_tile, name="known-tile"),
    path("manage/known-tiles/<int:known_id>/use/", teaching.gold_standard_tile_use, name="known-tile-use"),
    path("manage/known-tiles/<int:known_id>/move/", teaching.gold_standard_tile_move, name="known-tile-move"),
    path("manage/known-tiles/<int:known_id>/off/", teaching.gold_standard_tile_off, name="known-tile-off"),
]
