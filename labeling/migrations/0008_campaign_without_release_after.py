"""No release was ever kept here: which one shows a campaign's effect follows from its runs."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("labeling", "0007_kept_sample_tiles")]

    operations = [migrations.RemoveField(model_name="campaign", name="release_after")]
