"""The jobs of the upper floor."""

from pathlib import Path
from typing import Any

from amberapp import jobs
from amberapp.demo import CONTENT_JOB
from amberapp.models import User
from detection.models import Region
from labeling.campaigns import round
from labeling.crowd.accounts import REVERSE_JOB, take_back_everything, weigh_account
from labeling.demo import content
from labeling.desk.priority import RANK_JOB, rank_region
from labeling.desk.volunteer_records import WEIGH_JOB
from labeling.models import Campaign, Report
from labeling.releases.publish_job import PUBLISH_JOB, publish_in_job
from labeling.reports.decision import LETTER_JOB
from labeling.reports.mail import answer_reporter
from labeling.training.retrain import COMPARE_CLASSIFIERS_JOB, RETRAIN_JOB, compare, retrain
from labeling.training.upgrade import UPGRADE_JOB, upgrade_in_job


@jobs.handles(RETRAIN_JOB)
def retrain_job(context: jobs.JobContext) -> dict[str, Any]:
    classifier = retrain(
        region=Region.objects.get(pk=context.parameters["region"]),
        algorithm=context.parameters["algorithm"],
        extractor=context.parameters["extractor"],
        acting_user=context.user,
        progress=context.progress,
    )
    return {"classifier": classifier.pk}


@jobs.handles(COMPARE_CLASSIFIERS_JOB)
def compare_classifiers_job(context: jobs.JobContext) -> dict[str, Any]:
    return compare(
        region=Region.objects.get(pk=context.parameters["region"]),
        extractor=context.parameters["extractor"],
        acting_user=context.user,
        progress=context.progress,
    )


@jobs.handles(UPGRADE_JOB)
def upgrade_features_job(context: jobs.JobContext) -> dict[str, Any]:
    return upgrade_in_job(context)


@jobs.handles(round.ROUND_JOB)
def campaign_round_job(context: jobs.JobContext) -> dict[str, Any]:
    return round.run_round(
        campaign=Campaign.objects.select_related("region").get(pk=context.parameters["campaign"]),
        acting_user=context.user,
        go_on=context.parameters["go_on"],
        progress=context.progress,
    )


@jobs.handles(round.EFFECT_JOB)
def campaign_effect_job(context: jobs.JobContext) -> dict[str, Any]:
    return round.measure_run(Campaign.objects.get(pk=context.parameters["campaign"]))


@jobs.handles(RANK_JOB)
def rank_tiles_job(context: jobs.JobContext) -> dict[str, Any]:
    region = Region.objects.get(pk=context.parameters["region"])
    return {"changed": rank_region(region=region, progress=context.progress)}


@jobs.handles(CONTENT_JOB)
def demo_content_job(context: jobs.JobContext) -> dict[str, Any]:
    data = context.parameters.get("data")
    return content.prepare(data=Path(data) if data else None, progress=context.progress)


@jobs.handles(PUBLISH_JOB)
def publish_job(context: jobs.JobContext) -> dict[str, Any]:
    return publish_in_job(context)


@jobs.handles(LETTER_JOB)
def answer_reporter_job(context: jobs.JobContext) -> dict[str, Any]:
    report = Report.objects.get(pk=context.parameters["report"])
    return {"sent": answer_reporter(report, context.parameters["site_url"])}


@jobs.handles(WEIGH_JOB)
def weigh_account_job(context: jobs.JobContext) -> dict[str, Any]:
    volunteer = User.objects.get(pk=context.parameters["volunteer"])
    return {"tiles": weigh_account(volunteer=volunteer, progress=context.progress)}


@jobs.handles(REVERSE_JOB)
def reverse_account_job(context: jobs.JobContext) -> dict[str, Any]:
    volunteer = User.objects.get(pk=context.parameters["volunteer"])
    return {"tiles": take_back_everything(volunteer=volunteer, progress=context.progress)}
