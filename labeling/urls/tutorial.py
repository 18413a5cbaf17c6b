"""The tutorial and what it talks to."""

from django.urls import path

from labeling.api import tutorial as api
from labeling.views import tutorial

urlpatterns = [
    path("label/tutorial/", tutorial.tutorial, name="tutorial"),
    path("api/tutorial/", api.Tutorial.as_view(), name="api-tutorial"),
    path("api/tutorial/lessons/<int:lesson_id>/", api.TakeLesson.as_view(), name="api-tutorial-lesson"),
    path("api/tutorial/know/", api.KnowThis.as_view(), name="api-tutorial-know"),
]
