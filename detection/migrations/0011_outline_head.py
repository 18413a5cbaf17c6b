"""What the outline head of a classifier says of a tile's superpixels, beside their scores."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("detection", "0010_no_mean_of_classifiers")]

    operations = [
        migrations.AddField(
            model_name="tilescore",
            name="ground",
            field=models.BinaryField(null=True),
        ),
        migrations.AlterField(
            model_name="detection",
            name="superpixels",
            field=models.JSONField(help_text="sorted numbers of the superpixels of the outline"),
        ),
    ]
