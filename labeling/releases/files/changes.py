"""What differs between two lists of published places, and the file in which a release keeps why. Pure: no Django.

changes.json of a release: {"format": "amber-changes/2", "previous": number of the own release before it, "reasons":
[{"kind", …}, …], "changes": [{"place", "kind": "appeared" | "vanished" | "changed", "reason": index in reasons}, …]}. In
amber-changes/1, which is read for ever, every place carries its reason itself. Why two releases far apart differ is read
from the files of those in between: the latest event that made a place come or go is the reason.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CHANGES = "changes.json"
FORMAT = "amber-changes/2"
# Published before each reason was kept once.
FIRST_FORMAT = "amber-changes/1"
APPEARED, VANISHED, CHANGED = "appeared", "vanished", "changed"
KINDS = (APPEARED, VANISHED, CHANGED)
# What a reason may be; the other keys of a reason are its particulars.
REASONS = (
    "report",  # a citizen's report was accepted: report, look_alike
    "review",  # an expert's verdict: verdict, look_alike, corrected (an approval of another outline than the machine's)
    "taken_back",  # a verdict was taken back, and what stood before it stands again: verdict (the one taken back)
    "campaign",  # an error campaign named this very ground, and the classifier learned it: campaign, report, look_alike
    "classifier",  # another classifier: classifier, and what it alone learned from: campaigns [{campaign, report}]
    "imagery",  # a newer image of this ground
    "another_image",  # another one, older or of unknown date
    "new_ground",  # the release before had not searched it
    "unjudged",  # found again with another outline, and no expert has approved that
    "disputed",  # experts contradict each other about it
    "second_opinion",  # an expert has asked a colleague, who has not answered yet
    "rights",  # the image's source does not allow it any more
    "rights_given",  # the image's source allows it again
    "placed",  # it had been found and approved, but where its image lies was not known
    "not_searched",  # the later release has not looked there
    "rule",  # searched again by another rule
    "corrected",  # an expert has corrected the outline
    "outline",  # the outline is another one
    "roll_back",  # an older release was published again: release
    "unknown",
)
Reason = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """Places by name: those that came, went, and are drawn differently; and how many stayed as they were."""

    appeared: list[str]
    vanished: list[str]
    changed: list[str]
    unchanged: int

    def kinds(self) -> dict[str, str]:
        """Place → what happened to it."""
        return {
            place: kind
            for kind, places in (
                (APPEARED, self.appeared),
                (VANISHED, self.vanished),
                (CHANGED, self.changed),
            )
            for place in places
        }


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> Difference:
    """By place: the same image of the same ground is the same place. Values are checksums of the outlines."""
    both = before.keys() & after.keys()
    changed = sorted(place for place in both if before[place] != after[place])
    return Difference(
        appeared=sorted(after.keys() - before.keys()),
        vanished=sorted(before.keys() - after.keys()),
        changed=changed,
        unchanged=len(both) - len(changed),
    )


def to_file(previous: int, kinds: Mapping[str, str], reasons: Mapping[str, Reason]) -> bytes:
    """The bytes of changes.json; the same changes give the same bytes. Equal reasons are written once."""
    index: dict[str, int] = {}
    distinct: list[Reason] = []
    changes = []
    for place in sorted(kinds):
        reason = reasons.get(place, {"kind": "unknown"})
        number = index.setdefault(_text(reason), len(index))
        if number == len(distinct):
            distinct.append(reason)
        changes.append({"place": place, "kind": kinds[place], "reason": number})
    told = {"format": FORMAT, "previous": previous, "reasons": distinct, "changes": changes}
    return json.dumps(
        told, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()


def from_file(data: bytes) -> dict[str, tuple[str, Reason]]:
    """Place → (kind, reason), equal reasons being one object. Raises ValueError for bytes that no `to_file` wrote."""
    try:
        told = json.loads(data)
        if told["format"] == FIRST_FORMAT:
            held: dict[str, Reason] = {}
            return {
                row["place"]: (row["kind"], held.setdefault(_text(row["reason"]), row["reason"]))
                for row in told["changes"]
            }
        if told["format"] != FORMAT:
            raise ValueError("another format")
        reasons = told["reasons"]
        return {row["place"]: (row["kind"], reasons[row["reason"]]) for row in told["changes"]}
    except (KeyError, IndexError, TypeError, UnicodeDecodeError) as error:
        raise ValueError("not a list of changes") from error


def _text(reason: Reason) -> str:
    return json.dumps(reason, sort_keys=True)


def last_reasons(
    kinds: Mapping[str, str], chain: Iterable[tuple[int, Mapping[str, tuple[str, Reason]]]]
) -> dict[str, tuple[int, Reason]]:
    """Why each place differs: place → (number of the release in which it happened, reason).

    chain: the releases after the earlier one up to the later one, newest first, each with its own changes. A place
    that came in one of them and was redrawn in another has come; that it came is what counts. Places of which no
    release of the chain says anything are left out.
    """
    missing = dict(kinds)
    found: dict[str, tuple[int, Reason]] = {}
    for number, changes in chain:
        for place in [place for place in missing if place in changes]:
            kind, reason = changes[place]
            wanted = missing[place]
            if kind == wanted or (wanted == CHANGED and kind == APPEARED):
                found[place] = (number, reason)
                del missing[place]
    return found
