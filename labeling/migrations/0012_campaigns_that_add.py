"""A campaign may call what it has found mining."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0011_corrected_reviews")]

    operations = [
        migrations.AlterField(
            model_name="campaign",
            name="decision",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "not decided yet"),
                    ("label", "label as not mining"),
                    ("mining", "label as mining"),
                    ("exclude", "leave out of training"),
                ],
                default="",
                max_length=10,
            ),
        ),
    ]
