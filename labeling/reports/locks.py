"""Reports held together, always in one order, so that experts who decide about the same ones at once follow one another.

Whoever changes more than one report in a transaction calls `lock_groups` first; reports come before the tiles of their
ground (labeling.desk.labels). Left out: what becomes of them.
"""

from collections.abc import Collection, Iterator, Sequence

from django.db.models import Q

from labeling.models import Report

AT_ONCE = 1000


def lock_groups(reports: Collection[int]) -> list[int]:
    """Hold these reports and all that are of one matter with them, by rising number, until the transaction ends.

    Returns the numbers of all that are held. They are held by number, not by what they are a duplicate of: the decision
    that was waited for may have parted the group. What comes in meanwhile is not held; nobody gets hold of that alone.
    """
    numbers, firsts = set(reports), set[int]()
    for some in slices(sorted(numbers)):
        for number, first in Report.objects.filter(pk__in=some).values_list("pk", "duplicate_of"):
            firsts.add(first or number)
    for some in slices(sorted(firsts)):
        group = Report.objects.filter(Q(pk__in=some) | Q(duplicate_of__in=some))
        numbers.update(group.values_list("pk", flat=True))
    held: list[int] = []
    for some in slices(sorted(numbers)):
        # Not as a key: a duplicate that comes in at this moment refers to its first one and need not wait.
        rows = Report.objects.select_for_update(no_key=True).filter(pk__in=some).order_by("pk")
        held += rows.values_list("pk", flat=True)
    return held


def lead_on(duplicates: Sequence[int]) -> dict[str, list[int]]:
    """Of held duplicates, by rising number, the first goes on by itself and the others follow it.

    Returns it with those that follow, for the audit.
    """
    lead, *others = duplicates
    Report.objects.filter(pk=lead).update(duplicate_of=None)
    for some in slices(others):
        Report.objects.filter(pk__in=some).update(duplicate_of=lead)
    return {str(lead): others}


def slices(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """Databases take only so many values in one query."""
    for start in range(0, len(numbers), AT_ONCE):
        yield numbers[start : start + AT_ONCE]
