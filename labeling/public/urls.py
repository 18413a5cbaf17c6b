"""The public map and the comparison of its releases. Addresses are the same in every language."""

from django.urls import path

from labeling.public.views import comparison, files, map

urlpatterns = [
    path("", map.public_map, name="public-map"),
    path("map/<slug:slug>/", map.region_map, name="region-map"),
    path("map/<slug:slug>/<int:number>/", map.release_map, name="release-map"),
    path("map/<slug:slug>/<int:number>/list/", map.place_list_page, name="place-list"),
    path("map/<slug:slug>/<int:number>/place/<slug:place_id>/", map.place, name="place"),
    path(
        "map/<slug:slug>/<int:number>/place/<slug:place_id>/image.webp",
        files.place_picture,
        name="place-picture",
    ),
    path(
        "map/<slug:slug>/fingerprint/<slug:fingerprint>/",
        map.release_by_fingerprint,
        name="release-by-fingerprint",
    ),
    path(
        "map/<slug:slug>/fingerprint/<slug:fingerprint>/place/<slug:place_id>/image.webp",
        files.picture_by_fingerprint,
        name="picture-by-fingerprint",
    ),
    path("releases/", map.release_list, name="release-list"),
    path(
        "releases/<slug:slug>/<int:earlier>/compare/<int:later>/",
        comparison.release_compare,
        name="release-compare",
    ),
    path("releases/<slug:slug>/compare/", comparison.release_compare_choose, name="release-compare-choose"),
    path(
        "releases/<slug:slug>/<int:earlier>/compare/<int:later>/changes.json",
        comparison.release_compare_map,
        name="release-compare-map",
    ),
    path(
        "releases/<slug:slug>/<int:earlier>/compare/<int:later>/changes.csv",
        comparison.release_compare_csv,
        name="release-compare-csv",
    ),
    path("releases/<slug:slug>/<int:number>/<str:name>", files.release_file, name="release-file"),
]
