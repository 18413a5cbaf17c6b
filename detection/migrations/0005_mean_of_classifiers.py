from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("detection", "0004_runs_pause_and_unusual_tiles"),
    ]

    operations = [
        migrations.AlterField(
            model_name="classifier",
            name="algorithm",
            field=models.CharField(
                choices=[
                    ("svm", "SVM"),
                    ("xgboost", "XGBoost"),
                    ("random_forest", "Random forest"),
                    ("mean", "Mean of the three"),
                ],
                max_length=20,
            ),
        ),
    ]
