"""What the admin's page of one area sample shows, decided: its door only draws it."""

from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import floatformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeling.area.answers import SampleProgress, by_stratum, progress_of
from labeling.models import AreaSample, Release

# Below so many hectares, at the upper end, tenths are told.
TENTHS_BELOW = 20


@dataclass(frozen=True)
class SamplePage:
    """`is_open`: experts still judge; `is_complete`: nothing is left to judge, so that estimating is what comes next.

    `hectares`, `interval`: the mined area in words, empty without an estimate. `figures`: (title with its interval,
    figure) of the map's precision and recall, as far as they could be estimated.
    """

    sample: AreaSample
    is_open: bool
    is_complete: bool
    close_question: str
    progress: SampleProgress
    strata: list[dict[str, Any]]
    estimate: dict[str, Any] | None
    hectares: str
    interval: str
    figures: list[tuple[str, str]]
    releases: list[Release]


def sample_page(sample: AreaSample) -> SamplePage:
    """One sample: how far it is, and what came of it."""
    progress, estimate = progress_of(sample), sample.estimate
    digits = "1g" if estimate and estimate["high"] < TENTHS_BELOW else "0g"
    hectares = interval = ""
    if estimate:
        hectares = _("%(hectares)s ha") % {"hectares": floatformat(estimate["hectares"], digits)}
        interval = _("95%% confidence interval %(low)s–%(high)s") % {
            "low": floatformat(estimate["low"], digits),
            "high": floatformat(estimate["high"], digits),
        }
    return SamplePage(
        sample=sample,
        is_open=sample.closed_at is None,
        is_complete=progress.left == 0,
        close_question=_close_question(progress.left),
        progress=progress,
        strata=by_stratum(sample),
        estimate=estimate,
        hectares=hectares,
        interval=interval,
        figures=_figures(estimate) if estimate else [],
        releases=list(sample.releases.select_related("region").order_by("-number")),
    )


def _close_question(left: int) -> str:
    """What to ask before the area is estimated, which ends the judging."""
    if not left:
        return _("Estimate the area? Nothing can be judged afterwards.")
    return ngettext(
        "%(left)s tile is not judged yet; without it the interval is wider. Estimate now? Nothing can be judged "
        "afterwards.",
        "%(left)s tiles are not judged yet; without them the interval is wider. Estimate now? Nothing can be judged "
        "afterwards.",
        left,
    ) % {"left": left}


def _figures(estimate: dict[str, Any]) -> list[tuple[str, str]]:
    titles = {
        ("precision", "area"): _("precision by area (%(low)s–%(high)s)"),
        ("recall", "area"): _("recall by area (%(low)s–%(high)s)"),
        ("precision", "tiles"): _("precision by tiles (%(low)s–%(high)s)"),
        ("recall", "tiles"): _("recall by tiles (%(low)s–%(high)s)"),
    }
    return [
        (
            title % {"low": floatformat(figure["low"], 2), "high": floatformat(figure["high"], 2)},
            floatformat(figure["value"], 2),
        )
        for (name, unit), title in titles.items()
        if (figure := estimate[name][unit])
    ]
