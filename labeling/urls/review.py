"""The review desk and the report desk."""

from django.urls import path

from labeling.api import review as api
from labeling.views import report_desk, review

urlpatterns = [
    path("review/", review.review, name="review"),
    path("review/<int:detection_id>/", review.review_one, name="review-detection"),
    path("review/<int:detection_id>/card/", review.review_card, name="review-card"),
    path("review/history/", review.review_history, name="review-history"),
    path("review/reports/", report_desk.report_list, name="report-list"),
    path("review/reports/<int:report_id>/", report_desk.report_detail, name="report-detail"),
    path("api/detections/", api.Detections.as_view(), name="api-detections"),
    path(
        "api/detections/<int:detection_id>/reviews/",
        api.DetectionReviews.as_view(),
        name="api-detection-reviews",
    ),
]
