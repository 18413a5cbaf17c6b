"""Pages and API of what people say, one module a station."""

from django.urls import include, path

urlpatterns = [
    path("", include("labeling.public.urls")),
    path("", include("labeling.desk.urls")),
    path("", include("labeling.urls.tutorial")),
    path("", include("labeling.review.urls")),
    path("", include("labeling.area.urls")),
    path("", include("labeling.campaigns.urls")),
    path("", include("labeling.overview.urls")),
]
