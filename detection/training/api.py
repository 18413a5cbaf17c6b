"""API of classifiers."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from amberapp.web.parameters import signed_in
from amberapp.web.permissions import IsAdmin, IsExpert
from detection.models import Classifier
from detection.runs.watch import classifier_numbered
from detection.training.train import activate


class ClassifierSerializer(serializers.ModelSerializer[Any]):
    dataset = serializers.CharField(source="dataset.content_hash", read_only=True)
    is_active = serializers.BooleanField(read_only=True)

    class Meta:
        model = Classifier
        fields = [
            "id",
            "region",
            "algorithm",
            "extractor",
            "extractor_key",
            "dataset",
            "model_sha256",
            "threshold",
            "precision_target",
            "is_active",
            "metrics",
            "seconds",
            "created_at",
        ]


class ClassifierList(generics.ListAPIView):
    """Classifiers, newest first."""

    queryset = Classifier.objects.select_related("dataset", "region").order_by("-id")
    serializer_class = ClassifierSerializer
    permission_classes = [IsExpert]
    filterset_fields = ["region", "algorithm", "extractor"]


class ClassifierDetail(APIView):
    permission_classes = [IsExpert]

    @extend_schema(responses=ClassifierSerializer)
    def get(self, request: Request, classifier_id: int) -> Response:
        return Response(ClassifierSerializer(classifier_numbered(classifier_id)).data)


class ClassifierActivate(APIView):
    """Make it the classifier that the region's next runs use."""

    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses=ClassifierSerializer)
    def post(self, request: Request, classifier_id: int) -> Response:
        classifier = classifier_numbered(classifier_id)
        activate(classifier=classifier, acting_user=signed_in(request))
        classifier.region.refresh_from_db()
        return Response(ClassifierSerializer(classifier).data)
