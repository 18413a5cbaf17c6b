"""Classifiers and runs. The pages that also show what people say of a run are the upper floor's."""

from django.urls import path

from detection.runs import views as runs
from detection.runs.api import diff as diff_api
from detection.runs.api import runs as api
from detection.training import views

urlpatterns = [
    path("manage/classifiers/<int:classifier_id>/", views.classifier, name="classifier"),
    path(
        "manage/classifiers/<int:classifier_id>/activate/",
        views.classifier_activate,
        name="classifier-activate",
    ),
    path("manage/runs/", runs.run_list, name="runs"),
    path("manage/runs/start/", runs.run_start, name="run-start"),
    path("manage/runs/compare/", runs.run_compare, name="run-compare"),
    path("manage/runs/<int:run_id>/pause/", runs.run_pause, name="run-pause"),
    path("manage/runs/<int:run_id>/resume/", runs.run_resume, name="run-resume"),
    path("manage/runs/<int:run_id>/cancel/", runs.run_cancel, name="run-cancel"),
    path("api/classifiers/", api.ClassifierList.as_view(), name="api-classifiers"),
    path("api/classifiers/<int:classifier_id>/", api.ClassifierDetail.as_view(), name="api-classifier"),
    path(
        "api/classifiers/<int:classifier_id>/activate/",
        api.ClassifierActivate.as_view(),
        name="api-classifier-activate",
    ),
    path("api/runs/", api.RunList.as_view(), name="api-runs"),
    path("api/runs/<int:run_id>/", api.RunDetail.as_view(), name="api-run"),
    path("api/runs/<int:run_id>/diff/<int:other_id>/", diff_api.RunDiff.as_view(), name="api-run-diff"),
    path("api/runs/<int:run_id>/pause/", api.RunPause.as_view(), name="api-run-pause"),
    path("api/runs/<int:run_id>/resume/", api.RunResume.as_view(), name="api-run-resume"),
    path("api/runs/<int:run_id>/cancel/", api.RunCancel.as_view(), name="api-run-cancel"),
]
