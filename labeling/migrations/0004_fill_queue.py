"""Tiles that are in the queue already get a place in the random order and what may still be handed out.

Whoever has labelled a tile has had it: a claim says so, and it is not served to them again.
"""

import random

from django.db import migrations
from django.db.models import F
from django.db.models.functions import Greatest

WANTED = 2


def fill(apps, schema_editor):
    progress = apps.get_model("labeling", "TileProgress")
    rows = []
    for row in progress.objects.only("id").iterator(chunk_size=2000):
        row.shuffle = random.random()
        rows.append(row)
        if len(rows) == 2000:
            progress.objects.bulk_update(rows, ["shuffle"])
            rows = []
    progress.objects.bulk_update(rows, ["shuffle"])
    progress.objects.update(wanted=WANTED, priority=1)
    progress.objects.filter(votes__lt=WANTED).update(free=WANTED - F("votes"), rank=WANTED - F("votes"))
    progress.objects.filter(votes__gte=WANTED).update(free=0, rank=0, wanted=Greatest(F("votes"), WANTED))
    claim = apps.get_model("labeling", "Claim")
    submission = apps.get_model("labeling", "Submission")
    labelled = submission.objects.filter(origin="desk").order_by("created_at")
    seen = set()
    claims = []
    for volunteer, tile, at in labelled.values_list("volunteer", "segmented_tile", "created_at").iterator():
        if (volunteer, tile) not in seen:
            seen.add((volunteer, tile))
            claims.append(
                claim(volunteer_id=volunteer, segmented_tile_id=tile, state="done", created_at=at, until=at)
            )
    claim.objects.bulk_create(claims, batch_size=1000, ignore_conflicts=True)


class Migration(migrations.Migration):

    dependencies = [("labeling", "0003_crowd")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
