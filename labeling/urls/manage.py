"""The admin's pages that show both floors: the loop, its runs."""

from django.urls import include, path

from labeling.views import manage

urlpatterns = [
    path("", include("labeling.urls.crowd")),
    path("manage/", manage.manage, name="manage"),
    path("manage/retrain/", manage.retrain, name="retrain"),
    path("manage/retrain/<int:job_id>/cancel/", manage.retrain_cancel, name="retrain-cancel"),
    path("manage/runs/<int:run_id>/", manage.run, name="run"),
    path("manage/runs/<int:run_id>/publish/", manage.run_publish, name="run-publish"),
]
