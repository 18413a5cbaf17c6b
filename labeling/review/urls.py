"""The review desk: one detection at a time, the gallery, the map as it was."""

from django.urls import path

from labeling.review import api
from labeling.review.views import gallery, history, single

urlpatterns = [
    path("review/", single.review, name="review"),
    path("review/<int:detection_id>/", single.review_one, name="review-detection"),
    path("review/<int:detection_id>/card/", single.review_card, name="review-card"),
    path("review/gallery/", gallery.gallery, name="review-gallery"),
    path("review/gallery/cells/", gallery.gallery_cells, name="review-gallery-cells"),
    path("review/history/", history.review_history, name="review-history"),
    path("review/history/map.geojson", history.map_at_geojson, name="review-map-geojson"),
    path("api/detections/", api.Detections.as_view(), name="api-detections"),
    path("api/detections/reviews/", api.ManyReviews.as_view(), name="api-many-reviews"),
    path(
        "api/detections/<int:detection_id>/superpixels/",
        api.DetectionSuperpixels.as_view(),
        name="api-detection-superpixels",
    ),
    path(
        "api/detections/<int:detection_id>/superpixels/<int:superpixel>/fragments/",
        api.SuperpixelFragments.as_view(),
        name="api-superpixel-fragments",
    ),
    path("api/reviews/withdraw/", api.ReviewsTakenBack.as_view(), name="api-reviews-withdraw"),
    path(
        "api/detections/<int:detection_id>/reviews/",
        api.DetectionReviews.as_view(),
        name="api-detection-reviews",
    ),
]
