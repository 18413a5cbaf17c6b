"""The review desk and the report desk."""

from django.urls import path

from labeling.api import review as api
from labeling.views import gallery, report_desk, review, review_history

urlpatterns = [
    path("review/", review.review, name="review"),
    path("review/<int:detection_id>/", review.review_one, name="review-detection"),
    path("review/<int:detection_id>/card/", review.review_card, name="review-card"),
    path("review/gallery/", gallery.gallery, name="review-gallery"),
    path("review/gallery/cells/", gallery.gallery_cells, name="review-gallery-cells"),
    path("review/history/", review_history.review_history, name="review-history"),
    path("review/history/map.geojson", review_history.map_at_geojson, name="review-map-geojson"),
    path("review/reports/", report_desk.report_list, name="report-list"),
    path("review/reports/<int:report_id>/", report_desk.report_detail, name="report-detail"),
    path("review/reports/<int:report_id>/photo.webp", report_desk.report_photo, name="report-photo"),
    path("review/reports/<int:report_id>/set-aside/", report_desk.report_set_aside, name="report-set-aside"),
    path(
        "review/reports/<int:report_id>/bring-back/", report_desk.report_bring_back, name="report-bring-back"
    ),
    path("review/reports/<int:report_id>/reopen/", report_desk.report_reopen, name="report-reopen"),
    path("api/detections/", api.Detections.as_view(), name="api-detections"),
    path("api/detections/reviews/", api.ManyReviews.as_view(), name="api-many-reviews"),
    path("api/reviews/withdraw/", api.ReviewsTakenBack.as_view(), name="api-reviews-withdraw"),
    path(
        "api/detections/<int:detection_id>/reviews/",
        api.DetectionReviews.as_view(),
        name="api-detection-reviews",
    ),
]
