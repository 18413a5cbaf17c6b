"""A dataset's description said again, in English only, what its file and its region say."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("detection", "0007_screened_runs")]

    operations = [migrations.RemoveField(model_name="dataset", name="description")]
