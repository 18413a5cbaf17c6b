"""What reports leave behind is forgotten in time, without anybody's doing (docs/privacy.md)."""

import datetime as dt

from django.core.cache import cache
from django.utils import timezone

from labeling.models import Report, ReportState
from labeling.reports.photos import forget_lost_photos, forget_old_photos

SWEPT = "reports:traces:swept"
HOUR = 3600
# A letter is sent within minutes of the decision. An address that is still there after days belongs to a letter whose
# worker died each time: the private link tells the answer without it.
ADDRESS_DAYS = 3


def forget_now_and_again() -> None:
    """What the sweeper calls: once an hour, whichever sweeper comes first."""
    if cache.add(SWEPT, 1, HOUR):
        # The addresses first: a bucket that does not answer must not keep them.
        forget_late_addresses()
        forget_old_photos()
        forget_lost_photos()


def forget_late_addresses() -> int:
    """Delete the addresses of reports that have been closed for days. Returns how many."""
    long_ago = timezone.now() - dt.timedelta(days=ADDRESS_DAYS)
    late = (
        Report.objects.exclude(sealed_email="")
        .exclude(state=ReportState.OPEN)
        .filter(decided_at__lt=long_ago)
    )
    # One at a time: many rows in one UPDATE would be held in an order of its own.
    numbers = list(late.order_by("pk").values_list("pk", flat=True))
    return sum(late.filter(pk=number).update(sealed_email="") for number in numbers)
