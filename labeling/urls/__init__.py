"""Pages and API of what people say, one module a station."""

from django.urls import include, path

urlpatterns = [
    path("", include("labeling.urls.public")),
    path("", include("labeling.urls.desk")),
    path("", include("labeling.urls.tutorial")),
    path("", include("labeling.urls.review")),
    path("", include("labeling.urls.samples")),
    path("", include("labeling.urls.campaigns")),
    path("", include("labeling.urls.manage")),
]
