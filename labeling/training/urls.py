"""Retraining, and the pages of a region's classifiers."""

from django.urls import path

from labeling.training import views

urlpatterns = [
    path("manage/retrain/", views.retrain, name="retrain"),
    path("manage/retrain/<int:job_id>/cancel/", views.retrain_cancel, name="retrain-cancel"),
    path("manage/regions/<slug:slug>/classifiers/", views.classifiers, name="classifiers"),
    path(
        "manage/regions/<slug:slug>/classifiers/compare/",
        views.classifiers_compare,
        name="classifiers-compare",
    ),
    path(
        "manage/regions/<slug:slug>/classifiers/compare/cancel/",
        views.classifiers_compare_cancel,
        name="classifiers-compare-cancel",
    ),
    path("manage/regions/<slug:slug>/classifiers/upgrade/", views.upgrade, name="upgrade"),
    path(
        "manage/regions/<slug:slug>/classifiers/upgrade/cancel/", views.upgrade_cancel, name="upgrade-cancel"
    ),
    path("api/regions/<slug:slug>/upgrade/<slug:step>/", views.upgrade_progress, name="api-upgrade-progress"),
]
