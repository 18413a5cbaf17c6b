"""Classifiers and runs. The pages that also show what people say of a run are the upper floor's."""

from django.urls import path

from detection.api import machine as api
from detection.views import machine

urlpatterns = [
    path("manage/classifiers/<int:classifier_id>/", machine.classifier, name="classifier"),
    path(
        "manage/classifiers/<int:classifier_id>/activate/",
        machine.classifier_activate,
        name="classifier-activate",
    ),
    path("manage/runs/start/", machine.run_start, name="run-start"),
    path("manage/runs/<int:run_id>/cancel/", machine.run_cancel, name="run-cancel"),
    path("api/classifiers/", api.ClassifierList.as_view(), name="api-classifiers"),
    path("api/classifiers/<int:classifier_id>/", api.ClassifierDetail.as_view(), name="api-classifier"),
    path(
        "api/classifiers/<int:classifier_id>/activate/",
        api.ClassifierActivate.as_view(),
        name="api-classifier-activate",
    ),
    path("api/runs/", api.RunList.as_view(), name="api-runs"),
    path("api/runs/<int:run_id>/", api.RunDetail.as_view(), name="api-run"),
    path("api/runs/<int:run_id>/cancel/", api.RunCancel.as_view(), name="api-run-cancel"),
]
