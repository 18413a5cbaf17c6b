"""Pages and API of ground and machine, one module a station."""

from django.urls import include, path

urlpatterns = [
    path("", include("detection.urls.images")),
    path("", include("detection.urls.ground")),
    path("", include("detection.urls.machine")),
]
