"""Pages and API of what people say, one package a line."""

from django.urls import include, path

urlpatterns = [
    path("", include("labeling.public.urls")),
    path("", include("labeling.reports.urls")),
    path("", include("labeling.desk.urls")),
    path("", include("labeling.crowd.urls")),
    path("", include("labeling.review.urls")),
    path("", include("labeling.area.urls")),
    path("", include("labeling.campaigns.urls")),
    path("", include("labeling.training.urls")),
    path("", include("labeling.releases.urls")),
    path("", include("labeling.overview.urls")),
]
