"""How unlike the training set the images of a run are, by date and source."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("detection", "0011_outline_head")]

    operations = [
        migrations.AddField(model_name="run", name="drift", field=models.JSONField(null=True)),
        migrations.AddField(model_name="shard", name="drift", field=models.JSONField(null=True)),
    ]
