"""The gold standard by its name; words of choices. The table and its rows stay as they are: no statement is sent."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0008_campaign_without_release_after")]

    operations = [
        migrations.AlterModelTable(name="knowntile", table="labeling_knowntile"),
        migrations.RenameModel(old_name="KnownTile", new_name="GoldStandardTile"),
        migrations.AlterField(
            model_name="goldstandardtile",
            name="use",
            field=models.CharField(
                choices=[("lesson", "lesson of the tutorial"), ("check", "hidden check")], max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="claim",
            name="served",
            field=models.CharField(
                choices=[
                    ("queue", "next in the queue"),
                    ("random", "drawn at random"),
                    ("known", "gold standard"),
                    ("link", "by its address"),
                ],
                default="queue",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="consensus",
            name="state",
            field=models.CharField(
                choices=[
                    ("open", "open"),
                    ("retired", "consensus of volunteers"),
                    ("escalated", "waiting for an expert"),
                    ("decided", "decided by an expert"),
                ],
                default="open",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="deskrules",
            name="blind_share",
            field=models.FloatField(
                default=0.2,
                help_text="So that the bias from suggestions can be measured.",
                validators=[
                    django.core.validators.MinValueValidator(0),
                    django.core.validators.MaxValueValidator(1),
                ],
                verbose_name="share of tiles served without suggestions",
            ),
        ),
        migrations.AlterField(
            model_name="deskrules",
            name="known_share",
            field=models.FloatField(
                default=0.05,
                help_text="Mixed in invisibly, to see how well each volunteer does.",
                validators=[
                    django.core.validators.MinValueValidator(0),
                    django.core.validators.MaxValueValidator(0.5),
                ],
                verbose_name="share of gold-standard tiles",
            ),
        ),
        migrations.AlterField(
            model_name="deskrules",
            name="retire_at",
            field=models.FloatField(
                default=0.95,
                validators=[
                    django.core.validators.MinValueValidator(0.5),
                    django.core.validators.MaxValueValidator(0.9999),
                ],
                verbose_name="probability at which consensus is reached",
            ),
        ),
        migrations.AlterField(
            model_name="deskrules",
            name="votes_at_least",
            field=models.PositiveSmallIntegerField(
                default=2,
                help_text="There is no consensus with fewer.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(20),
                ],
                verbose_name="people asked about every tile",
            ),
        ),
        migrations.AlterField(
            model_name="volunteerrecord",
            name="quarantine_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "none"),
                    ("one_answer", "always the same answer"),
                    ("too_fast", "faster than anybody can look"),
                    ("fails_known", "gold-standard tiles wrong too often"),
                    ("admin", "set by an admin"),
                ],
                default="",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="volunteerrecord",
            name="lessons_passed",
            field=models.JSONField(default=list, help_text="ids of gold-standard tiles"),
        ),
    ]
