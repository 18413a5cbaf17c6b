"""Which open reports an expert should see as one, and in what order: a thousand junk reports must not bury ten real ones.

Who sends is not known and shall not be, so nothing here counts senders. What can be seen:

- Reports with one text at several places are one group, however many they are ("text").
- Reports without words or photo, about no detection and on ground that Amber has not searched, are one group ("silent").
- Of what is left, reports of one place are one group ("place"). A flood on one place is one line of the list, and the
  report in it that says something of its own is the one that stands for it.

Groups are ranked by their best report: is it about something that the map shows or on searched ground, has it a photo,
words of its own, and how rare are they; how long it has waited. Nothing is ever hidden or thrown away by a rank.

Left out: telling honest from dishonest. A thousand reports with a thousand texts that differ in every word, each about
another detection, look like a thousand readers; the limit on senders, not the rank, has to slow them down.
The reasons are in docs/adr/0013-reports-in-groups.md.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from labeling.reports.text_similarity import SHORT, clusters, has_link, normalised, words_in

# So many reports with one text are a group; of a short text ("forest") more, because people say it by themselves.
COPIES, SHORT_COPIES = 3, 8
SILENT = 3
# What a report gains and loses.
ABOUT_A_DETECTION, ON_SEARCHED_GROUND = 3.0, 2.0
PHOTO = 2.0
SENTENCE, WORD = 1.5, 0.5
LINK = -2.0
DOUBLING = -0.5
A_WEEK, MOST_WEEKS = 0.5, 4.0
# How many different texts a group shows.
VOICES = 4


class GroupKind(StrEnum):
    PLACE = "place"
    TEXT = "text"
    SILENT = "silent"


@dataclass(frozen=True)
class ReportFacts:
    """What ranking needs of one open report; `words` may be the beginning of its comment only, `days` its age."""

    id: int
    place_key: str
    text_key: str
    category: str
    words: str
    photo: bool
    days: float

    @property
    def about_detection(self) -> bool:
        return self.place_key.startswith("d")

    @property
    def on_searched_ground(self) -> bool:
        return self.place_key.startswith("s")

    @property
    def silent(self) -> bool:
        return not self.text_key and not self.photo


@dataclass(frozen=True)
class Voice:
    """One text of a group and how many reports of the group say it; `words` of the report that says it best."""

    id: int
    words: str
    count: int
    photos: int


@dataclass(frozen=True)
class ReportGroup:
    """Open reports that are shown as one. `lead` is the best of them, `members` all, best first."""

    kind: GroupKind
    lead: int
    score: float
    members: tuple[int, ...]
    voices: tuple[Voice, ...]
    texts: int
    places: int
    photos: int
    silent: int
    days: float

    @property
    def count(self) -> int:
        return len(self.members)


def grouped(reports: Sequence[ReportFacts]) -> list[ReportGroup]:
    """Every report in exactly one group, the groups best first; equals in the order in which they came."""
    cluster = clusters(report.text_key for report in reports)
    copies = Counter(cluster[report.text_key] for report in reports if report.text_key)
    places: dict[str, set[str]] = defaultdict(set)
    for report in reports:
        if report.text_key:
            places[cluster[report.text_key]].add(report.place_key)
    lonely = [report for report in reports if report.silent and report.place_key.startswith("g")]
    together: dict[tuple[GroupKind, str], list[ReportFacts]] = defaultdict(list)
    for report in reports:
        text = cluster.get(report.text_key, "")
        enough = SHORT_COPIES if len(normalised(report.words)) < SHORT else COPIES
        # A photo is the report's own, whatever is written beside it.
        if text and not report.photo and copies[text] >= enough and len(places[text]) > 1:
            together[(GroupKind.TEXT, text)].append(report)
        elif len(lonely) >= SILENT and report.silent and report.place_key.startswith("g"):
            together[(GroupKind.SILENT, "")].append(report)
        else:
            together[(GroupKind.PLACE, report.place_key or f"report {report.id}")].append(report)
    scores = {report.id: score_of(report, copies[cluster.get(report.text_key, "")]) for report in reports}
    groups = [_group(kind, members, scores, cluster) for (kind, _key), members in together.items()]
    return sorted(groups, key=lambda group: (-group.score, -group.days, group.lead))


def score_of(report: ReportFacts, copies: int) -> float:
    """How much speaks for looking at this report soon; `copies` reports (itself too) have its text."""
    score = min(report.days / 7, MOST_WEEKS) * A_WEEK
    if report.about_detection:
        score += ABOUT_A_DETECTION
    elif report.on_searched_ground:
        score += ON_SEARCHED_GROUND
    if report.photo:
        score += PHOTO
    words = words_in(report.words)
    if words:
        score += SENTENCE if words >= 3 else WORD
    if has_link(report.words):
        score += LINK
    return score + (DOUBLING * math.log2(copies) if copies > 1 else 0.0)


def voices_of(reports: Iterable[ReportFacts]) -> list[Voice]:
    """The different texts (and photos) of these reports, what was said least often first; those without words last."""
    reports = list(reports)
    cluster = clusters(report.text_key for report in reports)
    copies = Counter(cluster.get(report.text_key, "") for report in reports)
    return _voices(
        reports,
        {report.id: score_of(report, copies[cluster.get(report.text_key, "")]) for report in reports},
        cluster,
    )


def _group(
    kind: GroupKind, members: list[ReportFacts], scores: dict[int, float], cluster: dict[str, str]
) -> ReportGroup:
    members = sorted(members, key=lambda report: (-scores[report.id], report.id))
    voices = _voices(members, scores, cluster)
    return ReportGroup(
        kind=kind,
        lead=members[0].id,
        score=scores[members[0].id],
        members=tuple(report.id for report in members),
        voices=tuple(voices[:VOICES]),
        texts=sum(1 for voice in voices if voice.words),
        places=len({report.place_key for report in members}),
        photos=sum(report.photo for report in members),
        silent=sum(report.silent for report in members),
        days=max(report.days for report in members),
    )


def _voices(reports: Sequence[ReportFacts], scores: dict[int, float], cluster: dict[str, str]) -> list[Voice]:
    said: dict[str, list[ReportFacts]] = defaultdict(list)
    for report in reports:
        # A photo without words is a voice of its own; silence is one together.
        said[cluster.get(report.text_key) or (f"photo {report.id}" if report.photo else "")].append(report)
    voices = []
    for together in said.values():
        best = max(together, key=lambda report: (scores[report.id], -report.id))
        voices.append(
            Voice(
                id=best.id,
                words=best.words,
                count=len(together),
                photos=sum(report.photo for report in together),
            )
        )
    return sorted(
        voices, key=lambda voice: (not voice.words and not voice.photos, -scores[voice.id], voice.id)
    )
