"""The admin's first page."""

from django.urls import path

from labeling.overview import views

urlpatterns = [
    path("manage/", views.manage, name="manage"),
]
