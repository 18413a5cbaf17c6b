"""Addresses of the site. The floors above are named by text, so that the foundation imports neither."""

from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from amberapp.accounts import views
from amberapp.views import guide, jobs, pages

urlpatterns = [
    path("", include("labeling.urls")),
    path("", include("detection.urls")),
    path("home/", pages.home, name="home"),
    path("how-to-tell/", guide.how_to_tell, name="how-to-tell"),
    path("about/", pages.about, name="about"),
    path("manage/people/", views.people, name="people"),
    path("manage/audit/", views.audit, name="audit"),
    path("api/jobs/<int:job_id>/", jobs.JobDetail.as_view(), name="api-job"),
    path("api/jobs/<int:job_id>/cancel/", jobs.JobCancel.as_view(), name="api-job-cancel"),
    path("api/preparing/", pages.preparing, name="api-preparing"),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("api/", RedirectView.as_view(pattern_name="api-docs"), name="api"),
    path("health/", pages.health, name="health"),
    # Without a token: strangers' pages set no cookie, so that caches may keep them. A language is nothing to protect.
    path("i18n/setlang/", csrf_exempt(set_language), name="set_language"),
    path("account/", include("allauth.urls")),
]

handler400 = "amberapp.views.pages.bad_request"
handler403 = "amberapp.views.pages.forbidden"
handler404 = "amberapp.views.pages.not_found"
handler500 = "amberapp.views.pages.server_error"
