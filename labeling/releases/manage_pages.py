"""What the admin's pages of releases and of a run show, decided."""

from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.template.defaultfilters import floatformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from amberapp.models import Job, WorkState
from detection.models import Run, Shard, TileFailure, UnusualTile
from detection.runs.drift import DriftGroup, groups_of
from detection.runs.watch import RunProgress, duration, progress_of
from labeling.models import Release, ReleaseKind
from labeling.releases.publish_job import publications
from labeling.review.readiness import Readiness, readiness

FAILURES_PER_PAGE = 50
UNUSUAL_SHOWN = 50
SHARDS_SHOWN = 20
OTHERS_SHOWN = 10
DATES_SHOWN = 20


@dataclass(frozen=True)
class ManagedRelease:
    """One release in the admin's list. `before`: the number of the one before it, 0 for a region's first."""

    release: Release
    is_latest: bool
    imported: bool
    may_be_published_again: bool
    before: int
    hectares: str
    note: str


def managed(release: Release, latest: int | None) -> ManagedRelease:
    """latest: the number of the region's latest own release."""
    own, hectares = release.kind == ReleaseKind.OWN, release.statistics["hectares"]
    return ManagedRelease(
        release=release,
        is_latest=release.number == latest,
        imported=not own,
        may_be_published_again=own and release.number != latest,
        # Numbers of a region follow one another without a gap: no release is ever taken away.
        before=release.number - 1,
        hectares="–" if hectares is None else str(floatformat(hectares, "1g")),
        note=_note(release),
    )


def _note(release: Release) -> str:
    """What its publisher says of it; of an imported map its title, of a roll-back the release that it publishes again."""
    note = release.note or release.title
    if release.restores is None:
        return note or "–"
    again = _("release %(number)s again") % {"number": release.restores.number}
    return f"{again}. {note}" if note else again


@dataclass(frozen=True)
class RunPage:
    """`paused`: why, or since when, nobody works on it; empty where it is not paused. `compared`: the run before it with
    which it may be compared. `publication`: the job that publishes it, or that failed to, last."""

    run: Run
    ready: Readiness
    progress: RunProgress
    is_watched: bool
    paused: str
    rate: str
    time_label: str
    time: str
    begins_soon: bool
    publication: Job | None
    may_publish: bool
    releases: QuerySet[Release]
    others: list[Run]
    compared: Run | None
    failed_shards: QuerySet[Shard]
    unusual: QuerySet[UnusualTile]
    unusual_more: int
    failures: Page[TileFailure]
    drift: list[DriftGroup]
    drift_more: int

    @property
    def tells_drift(self) -> bool:
        """Also that nothing was compared; of a run that was cancelled or read nothing there is nothing to tell."""
        ended = self.run.has_ended and self.run.state != WorkState.CANCELLED
        return ended and (self.run.drift is None or bool(self.drift))

    @property
    def unlike(self) -> bool:
        """Whether a date looks like nothing the classifier was trained on; such dates come first."""
        return bool(self.drift) and self.drift[0].is_unlike

    @property
    def is_being_published(self) -> bool:
        return self.publication is not None and self.publication.is_open


def run_page(run: Run, page: str | None) -> RunPage:
    """page: of the tiles that failed."""
    progress, ready, publication = progress_of(run), readiness(run), publications(run).first()
    drift = groups_of(run)
    unusual = run.unusual_tiles.select_related("tile").order_by("tile_id")
    unusual_count = unusual.count()
    others = list(run.region.runs.exclude(pk=run.pk).order_by("-id")[:OTHERS_SHOWN])
    earlier = (one for one in others if one.pk < run.pk and one.has_ended)
    failures = run.failures.select_related("tile").order_by("tile_id")
    seconds = (progress.seconds or None) if run.has_ended else progress.seconds_left
    return RunPage(
        run=run,
        ready=ready,
        progress=progress,
        is_watched=not run.has_ended,
        paused=_paused(run),
        rate="–" if progress.rate is None else str(floatformat(progress.rate, 1)),
        time_label=_("taken") if run.has_ended else _("left"),
        time=duration(seconds) if seconds is not None else "–",
        begins_soon=run.is_open and not progress.tiles_ended,
        publication=publication,
        may_publish=not ready.problem and not (publication is not None and publication.is_open),
        releases=run.releases.order_by("-number"),
        others=others,
        compared=next(earlier, None) if run.has_ended else None,
        failed_shards=run.shards.exclude(error="").order_by("number")[:SHARDS_SHOWN],
        unusual=unusual[:UNUSUAL_SHOWN],
        unusual_more=unusual_count if unusual_count > UNUSUAL_SHOWN else 0,
        failures=Paginator(failures, FAILURES_PER_PAGE).get_page(page),
        drift=drift[:DATES_SHOWN],
        drift_more=len(drift) if len(drift) > DATES_SHOWN else 0,
    )


def _paused(run: Run) -> str:
    if not run.is_paused:
        return ""
    if run.pause_reason:
        return _("Amber stopped this run: %(reason)s When that is mended, resume it: nothing is lost.") % {
            "reason": run.pause_reason
        }
    since = date_format(timezone.localtime(run.paused_at), "j M Y, H:i") if run.paused_at else ""
    return _(
        "Paused since %(since)s. Shards in hand are finished; no further one is begun until you resume."
    ) % {"since": since}
