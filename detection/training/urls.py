"""Classifiers. The pages that also show what people say of them are the upper floor's."""

from django.urls import path

from detection.training import api, views

urlpatterns = [
    path("manage/classifiers/<int:classifier_id>/", views.classifier, name="classifier"),
    path(
        "manage/classifiers/<int:classifier_id>/activate/",
        views.classifier_activate,
        name="classifier-activate",
    ),
    *(
        path(
            f"manage/classifiers/<int:classifier_id>/model-card.{form}",
            views.classifier_card,
            {"form": form},
            name=f"model-card-{form}",
        )
        for form in ("md", "json")
    ),
    path("api/classifiers/", api.ClassifierList.as_view(), name="api-classifiers"),
    path("api/classifiers/<int:classifier_id>/", api.ClassifierDetail.as_view(), name="api-classifier"),
    path(
        "api/classifiers/<int:classifier_id>/activate/",
        api.ClassifierActivate.as_view(),
        name="api-classifier-activate",
    ),
]
