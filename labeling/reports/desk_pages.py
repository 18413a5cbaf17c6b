"""What experts are shown of reports: the lines of the lists, and the page of one report. Decided here, drawn by templates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amberapp.errors import UserError
from amberapp.web.words import hectares_text
from detection.geometry import degrees_to_pixels
from detection.models import Detection, SegmentedTile, Tile
from detection.segmentation.svg import rings_of, svg_path
from labeling.models import LookAlike, Report, ReportState
from labeling.reports.consequences import Consequences, consequences_of
from labeling.reports.decision import ANSWER_LENGTH, duplicates_of, may_reject, needs_reason, tiles_at
from labeling.reports.desk import neighbours, newest
from labeling.reports.groups import GroupKind, ReportGroup, Voice
from labeling.reports.places import public_position
from labeling.review.card import run_to_review

# Colours of a state's tag, as css names them.
TAGS = {ReportState.OPEN: "tag--amber", ReportState.ACCEPTED: "tag--good"}
# A comment of more letters gets a frame that scrolls, and so has to be reached by keys.
SCROLLS = 400


@dataclass(frozen=True)
class GroupLine:
    """A group of open reports in the list; `lead` is the report that stands for it."""

    group: ReportGroup
    lead: Report

    @property
    def title(self) -> str:
        if self.group.kind == GroupKind.TEXT:
            return ngettext(
                "The same words at %(places)s place",
                "The same words at %(places)s places",
                self.group.places,
            ) % {"places": self.group.places}
        if self.group.kind == GroupKind.SILENT:
            return _("Without words or photo, on ground that was not searched")
        return report_title(self.lead)

    @property
    def about(self) -> str:
        return about(self.lead)

    @property
    def further_texts(self) -> int:
        """How many texts there are in all, where not all are shown; else 0."""
        return self.group.texts if self.group.texts > len(self.group.voices) else 0


@dataclass(frozen=True)
class ReportLine:
    """A decided report in the list; `same`: how many said the same."""

    report: Report
    same: int

    @property
    def title(self) -> str:
        return report_title(self.report)

    @property
    def about(self) -> str:
        return about(self.report)


def report_title(report: Report) -> str:
    return f"{report.pk} · {report.get_category_display()}"


def about(report: Report) -> str:
    """The region, the release and the size of what is objected to, as far as there are such."""
    parts = [str(report.region)]
    if report.release is not None:
        parts.append(_("release %(number)s") % {"number": report.release.number})
    if report.detection is not None and report.detection.hectares is not None:
        parts.append(hectares_text(report.detection.hectares))
    return ", ".join(parts)


@dataclass(frozen=True)
class Picture:
    """The tile that shows the place, in pixels of it: the outline as an SVG path ("" for none), and the reported point
    as (x, y, radius), if it lies on the tile."""

    segmented: SegmentedTile
    path: str
    points: list[tuple[str, str, str]]

    @property
    def title(self) -> str:
        if self.path:
            return _("Satellite image of the place with the outline on the map")
        return _("Satellite image of the place")


def picture_of(report: Report, tiles: Sequence[SegmentedTile]) -> Picture | None:
    if not tiles:
        return None
    path = svg_path(rings_of(report.detection.pixel_outline)) if report.detection is not None else ""
    return Picture(tiles[0], path, _points(report, tiles[0].tile))


def _points(report: Report, tile: Tile) -> list[tuple[str, str, str]]:
    if tile.bounds is None:
        return []
    x, y = degrees_to_pixels(report.longitude, report.latitude, tile.bounds, tile.width, tile.height)
    lies_on_it = 0 <= x <= tile.width and 0 <= y <= tile.height
    return [(f"{x:.1f}", f"{y:.1f}", f"{tile.width / 90:.0f}")] if lies_on_it else []


@dataclass(frozen=True)
class ReportPage:
    """One report before an expert.

    same: how many others said the same; roughly: what the public may know of the place, "" where all;
    refused: why the decision just sent was not taken, `entered` what was sent with it.
    """

    report: Report
    tiles: list[SegmentedTile]
    picture: Picture | None
    same: int
    without_words: int
    newest: int
    roughly: str
    newer_detection: Detection | None
    consequences: Consequences | None
    refused: UserError | None
    entered: dict[str, str]

    @property
    def tag(self) -> str:
        return TAGS.get(ReportState(self.report.state), "tag--info")

    @property
    def is_open(self) -> bool:
        return self.report.state == ReportState.OPEN

    @property
    def scrolls(self) -> bool:
        return len(self.report.comment) > SCROLLS

    @property
    def position(self) -> str:
        return f"{self.report.latitude:.4f}, {self.report.longitude:.4f}"

    @property
    def map_url(self) -> str:
        """The reported place on its release, or the release; "" where it was about none."""
        report = self.report
        if report.release is None:
            return ""
        address = [report.region.slug, report.release.number]
        if report.detection is None:
            return reverse("release-map", args=address)
        return reverse("place", args=[*address, report.detection.segmented_tile.tile.place_id])

    @cached_property
    def voices(self) -> list[Voice]:
        """What else is said about the place."""
        return [
            voice
            for voice in (neighbours(self.report) if self.is_open else [])
            if voice.id != self.report.pk or voice.count > 1
        ]

    # The form of an open report

    @property
    def may_reject(self) -> bool:
        return may_reject(self.report)

    @property
    def may_be_mining(self) -> bool:
        """Whether accepting can leave the place on the map."""
        return not needs_reason(self.report)

    @property
    def legend(self) -> str:
        if self.may_be_mining:
            return _("If it is not mining at all: what is it?")
        return _("If you accept: what is it instead?")

    @property
    def reasons(self) -> list[tuple[str, str, bool]]:
        """(value, name, whether it is chosen) of what can be answered, “it is mining” first where it can."""
        choices = [("", _("It is mining"))] if self.may_be_mining else []
        choices += LookAlike.objects.choices()
        chosen = self.entered.get("look_alike", "")
        return [(value, name, value == chosen) for value, name in choices]

    @property
    def answer_length(self) -> int:
        return ANSWER_LENGTH

    @property
    def answer_is_wrong(self) -> bool:
        return self.refused is not None and "answer" in self.refused.fields

    @property
    def answer_help(self) -> list[str]:
        sentences = [_("Needed when you decline. The sender reads it under a private link.")]
        if self.report.sealed_email:
            sentences.append(
                _("They left an e-mail address: it is told that there is an answer, and then deleted.")
            )
        if self.without_words:
            sentence = ngettext(
                "%(n)s sender of those who said the same reads the verdict alone: "
                "somebody here asked to be shown only roughly.",
                "%(n)s senders of those who said the same read the verdict alone: "
                "somebody here asked to be shown only roughly.",
                self.without_words,
            )
            sentences.append(sentence % {"n": self.without_words})
        return sentences

    @property
    def accept_help(self) -> str:
        """What accepting does."""
        if needs_reason(self.report):
            return _(
                "Accepting rejects the detection and makes its superpixels negative examples for the next "
                "training."
            )
        if self.may_reject:
            return _(
                "Accepting as “it is mining” asks the volunteers to look at the tile again; "
                "any other answer takes the place off the map."
            )
        if self.tiles:
            return _("Accepting asks the volunteers to look at the tile there.")
        return _("Accepting notes that imagery of this place is wanted.")

    # What follows a decision

    @property
    def is_junk(self) -> bool:
        return self.report.state == ReportState.JUNK

    @property
    def may_begin_campaign(self) -> bool:
        return self.report.state == ReportState.ACCEPTED and bool(self.tiles)

    @property
    def tile_to_label(self) -> SegmentedTile | None:
        return self.tiles[0] if self.may_begin_campaign and self.report.detection is None else None

    @property
    def may_reopen(self) -> bool:
        return self.consequences is not None and self.consequences.campaign is None

    @property
    def decided_at(self) -> str:
        """The moment of the decision, as a form sends it back."""
        moment = self.report.decided_at
        return moment.isoformat() if moment is not None else ""

    @property
    def reopen_question(self) -> str:
        release = self.consequences.release if self.consequences is not None else None
        if release is None:
            return _("Take the decision back? The report waits again, and the sender sees it.")
        return _(
            "Take the decision back? The report waits again, and the sender sees it. Release %(number)s stays "
            "as it is; the next one follows what is decided anew."
        ) % {"number": release.number}

    @property
    def map_data(self) -> dict[str, Any]:
        """What the page's map draws."""
        detection = self.report.detection
        return {
            "point": [self.report.latitude, self.report.longitude],
            "outline": detection.outline if detection is not None else None,
            "boxes": [
                [[one.tile.south, one.tile.west], [one.tile.north, one.tile.east]]
                for one in self.tiles
                if one.tile.bounds
            ],
            "region": self.report.region.polygon,
        }


def report_page(report: Report, refused: UserError | None, entered: dict[str, str]) -> ReportPage:
    upto = newest()  # asked before the voices: what comes in between is not on the page
    tiles = tiles_at(report)
    same = duplicates_of(report)
    number = same.count()
    roughly = ""
    if report.blurred:
        latitude, longitude = public_position(report)
        roughly = f"{latitude:.2f}, {longitude:.2f}"
    return ReportPage(
        report=report,
        tiles=tiles,
        picture=picture_of(report, tiles),
        same=number,
        # Who said the same and will not read the words of the answer (labeling.reports.decision).
        without_words=number if report.blurred else same.filter(blurred=True).count(),
        newest=upto,
        roughly=roughly,
        newer_detection=_newer_detection(report, tiles),
        consequences=consequences_of(report),
        refused=refused,
        entered=entered,
    )


def _newer_detection(report: Report, tiles: Sequence[SegmentedTile]) -> Detection | None:
    """What the region's latest run finds on the same tile, when that is another detection than the reported one."""
    run = run_to_review(report.region)
    if run is None or not tiles:
        return None
    detection = run.detections.filter(segmented_tile=tiles[0]).first()
    return None if detection is None or detection.pk == report.detection_id else detection
