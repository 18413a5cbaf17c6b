"""Runs. The page that also shows what people say of one is the upper floor's."""

from django.urls import path

from detection.runs import views
from detection.runs.api import diff, runs

urlpatterns = [
    path("manage/runs/", views.run_list, name="runs"),
    path("manage/runs/start/", views.run_start, name="run-start"),
    path("manage/runs/compare/", views.run_compare, name="run-compare"),
    path("manage/runs/<int:run_id>/pause/", views.run_pause, name="run-pause"),
    path("manage/runs/<int:run_id>/resume/", views.run_resume, name="run-resume"),
    path("manage/runs/<int:run_id>/cancel/", views.run_cancel, name="run-cancel"),
    path("api/runs/", runs.RunList.as_view(), name="api-runs"),
    path("api/runs/<int:run_id>/", runs.RunDetail.as_view(), name="api-run"),
    path("api/runs/<int:run_id>/diff/<int:other_id>/", diff.RunDiff.as_view(), name="api-run-diff"),
    path("api/runs/<int:run_id>/pause/", runs.RunPause.as_view(), name="api-run-pause"),
    path("api/runs/<int:run_id>/resume/", runs.RunResume.as_view(), name="api-run-resume"),
    path("api/runs/<int:run_id>/cancel/", runs.RunCancel.as_view(), name="api-run-cancel"),
]
