"""The admin's pages that show both floors: the loop, its runs."""

from django.urls import include, path

from labeling.overview import views as manage
from labeling.releases import views as manage_releases
from labeling.training import views

urlpatterns = [
    path("", include("labeling.crowd.urls")),
    path("manage/", manage.manage, name="manage"),
    path("manage/retrain/", manage.retrain, name="retrain"),
    path("manage/retrain/<int:job_id>/cancel/", manage.retrain_cancel, name="retrain-cancel"),
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
    path("manage/runs/<int:run_id>/", manage.run, name="run"),
    path("manage/runs/<int:run_id>/publish/", manage.run_publish, name="run-publish"),
    path("manage/releases/", manage_releases.releases, name="manage-releases"),
    path("manage/releases/<int:release_id>/again/", manage_releases.release_again, name="release-again"),
]
