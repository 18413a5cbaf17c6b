"""The mean of the three is taught no more. What was taught stays listed, under its own word."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("detection", "0009_no_screen")]

    operations = [
        migrations.AlterField(
            model_name="classifier",
            name="algorithm",
            field=models.CharField(
                choices=[("svm", "SVM"), ("xgboost", "XGBoost"), ("random_forest", "Random forest")],
                max_length=20,
            ),
        ),
    ]
