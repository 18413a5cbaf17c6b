"""The API's door to long work: watch it, cancel it."""

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from amberapp import jobs
from amberapp.errors import NotThere
from amberapp.models import Job
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import IsAdmin


class JobSerializer(serializers.ModelSerializer):
    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "state",
            "progress_done",
            "progress_total",
            "message",
            "error",
            "result",
            "created_at",
            "started_at",
            "finished_at",
        ]


def _job(job_id: int) -> Job:
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        raise NotThere(_("There is no job %(number)s.") % {"number": job_id})
    return job


class JobDetail(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(responses=JobSerializer)
    def get(self, request: Request, job_id: int) -> Response:
        return Response(JobSerializer(_job(job_id)).data)


class JobCancel(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses=JobSerializer)
    def post(self, request: Request, job_id: int) -> Response:
        job = _job(job_id)
        jobs.cancel(job, acting_user=signed_in(request))
        job.refresh_from_db()
        return Response(JobSerializer(job).data)
