"""The public map, its releases and files, and citizens' reports. Addresses are the same in every language."""

from django.urls import path

from labeling.api import public as api
from labeling.views import compare, public, report

urlpatterns = [
    path("", public.public_map, name="public-map"),
    path("map/<slug:slug>/", public.region_map, name="region-map"),
    path("map/<slug:slug>/<int:number>/", public.release_map, name="release-map"),
    path("map/<slug:slug>/<int:number>/list/", public.place_list, name="place-list"),
    path("map/<slug:slug>/<int:number>/place/<slug:place_id>/", public.place, name="place"),
    path(
        "map/<slug:slug>/<int:number>/place/<slug:place_id>/image.webp",
        public.place_picture,
        name="place-picture",
    ),
    path(
        "map/<slug:slug>/fingerprint/<slug:printed>/",
        public.release_by_fingerprint,
        name="release-by-fingerprint",
    ),
    path(
        "map/<slug:slug>/fingerprint/<slug:printed>/place/<slug:place_id>/image.webp",
        public.picture_by_fingerprint,
        name="picture-by-fingerprint",
    ),
    path("releases/", public.release_list, name="release-list"),
    path(
        "releases/<slug:slug>/<int:earlier>/compare/<int:later>/",
        compare.release_compare,
        name="release-compare",
    ),
    path("releases/<slug:slug>/compare/", compare.release_compare_choose, name="release-compare-choose"),
    path(
        "releases/<slug:slug>/<int:earlier>/compare/<int:later>/changes.json",
        compare.release_compare_map,
        name="release-compare-map",
    ),
    path(
        "releases/<slug:slug>/<int:earlier>/compare/<int:later>/changes.csv",
        compare.release_compare_csv,
        name="release-compare-csv",
    ),
    path("releases/<slug:slug>/<int:number>/<str:name>", public.release_file, name="release-file"),
    path("report/", report.report, name="report"),
    path("report/<slug:token>/", report.report_status, name="report-status"),
    path("api/releases/", api.ReleaseList.as_view(), name="api-releases"),
    path("api/releases/<int:release_id>/", api.ReleaseDetail.as_view(), name="api-release"),
    path("api/reports/", api.Reports.as_view(), name="api-reports"),
]
