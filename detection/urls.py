"""Pages and API of ground and machine, one package a line."""

from django.urls import include, path

urlpatterns = [
    path("", include("detection.ground.urls")),
    path("", include("detection.training.urls")),
    path("", include("detection.runs.urls")),
]
