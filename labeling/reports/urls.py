"""Citizens' reports: the form and the private link of their senders, the desk of experts, the API."""

from django.urls import path

from labeling.reports import api
from labeling.reports.views import citizen, desk

urlpatterns = [
    path("report/", citizen.report_form, name="report"),
    path("report/<slug:token>/", citizen.report_status, name="report-status"),
    path("review/reports/", desk.report_list, name="report-list"),
    path("review/reports/<int:report_id>/", desk.report_detail, name="report-detail"),
    path("review/reports/<int:report_id>/photo.webp", desk.report_photo, name="report-photo"),
    path("review/reports/<int:report_id>/set-aside/", desk.report_set_aside, name="report-set-aside"),
    path("review/reports/<int:report_id>/bring-back/", desk.report_bring_back, name="report-bring-back"),
    path("review/reports/<int:report_id>/reopen/", desk.report_reopen, name="report-reopen"),
    path("api/reports/", api.Reports.as_view(), name="api-reports"),
]
