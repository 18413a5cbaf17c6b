"""The screen is gone. A tile that it passed over has no score: it stands among the run's failed tiles, with the reason."""

from django.db import migrations
from django.db.models import F

REASON = "Passed over by the screen of an earlier version of Amber: neither described nor scored."
BATCH = 1000


def passed_to_failed(apps, schema_editor):
    _move(apps, apps.get_model("detection", "PassedTile").objects.all(), "TileFailure", 1, reason=REASON)


def failed_to_passed(apps, schema_editor):
    failures = apps.get_model("detection", "TileFailure").objects.filter(reason=REASON)
    runs = list(failures.order_by().values_list("run", flat=True).distinct())
    _move(apps, failures, "PassedTile", -1)
    apps.get_model("detection", "Run").objects.filter(pk__in=runs).update(screened=True)


def _move(apps, rows, target, sign, **fields):
    """Rows of one model become rows of another; their shards' counts follow, done to failed where `sign` is 1."""
    new = apps.get_model("detection", target)
    shards = apps.get_model("detection", "Shard").objects
    for run in list(rows.order_by().values_list("run", flat=True).distinct()):
        tiles = rows.filter(run=run)
        for shard in shards.filter(run=run):
            count = tiles.filter(tile__gte=shard.first_tile, tile__lte=shard.last_tile).count()
            shards.filter(pk=shard.pk).update(
                tiles_done=F("tiles_done") - sign * count, tiles_failed=F("tiles_failed") + sign * count
            )
        numbers = tiles.order_by("tile").values_list("tile", flat=True)
        new.objects.bulk_create([new(run_id=run, tile_id=tile, **fields) for tile in numbers], batch_size=BATCH)
        tiles.delete()


class Migration(migrations.Migration):
    dependencies = [("detection", "0008_dataset_without_description")]

    operations = [
        migrations.RunPython(passed_to_failed, failed_to_passed),
        migrations.DeleteModel(name="PassedTile"),
        migrations.RemoveField(model_name="run", name="screened"),
    ]
