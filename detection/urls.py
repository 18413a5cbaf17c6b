"""Pages and API of ground and machine, one module a station."""

from django.urls import include, path

urlpatterns = [
    path("", include("detection.ground.image_urls")),
    path("", include("detection.ground.urls")),
    path("", include("detection.runs.urls")),
]
