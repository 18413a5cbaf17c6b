"""An approval may say another outline than the machine's."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0010_report_ground")]

    operations = [
        migrations.AddField(model_name="review", name="correction", field=models.JSONField(null=True)),
        migrations.AddField(model_name="review", name="corrected_outline", field=models.JSONField(null=True)),
    ]
