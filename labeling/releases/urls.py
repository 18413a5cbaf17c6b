"""From a run to a release: the page of a run, publishing, the admin's list, the API."""

from django.urls import path

from labeling.releases import api, views

urlpatterns = [
    path("manage/runs/<int:run_id>/", views.run, name="run"),
    path("manage/runs/<int:run_id>/publish/", views.run_publish, name="run-publish"),
    path("manage/releases/", views.releases, name="manage-releases"),
    path("manage/releases/<int:release_id>/again/", views.release_again, name="release-again"),
    path("api/releases/", api.ReleaseList.as_view(), name="api-releases"),
    path("api/releases/<int:release_id>/", api.ReleaseDetail.as_view(), name="api-release"),
]
