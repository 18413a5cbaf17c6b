"""What the ground of a report is becomes a column; it was the first letter of the name of the report's place."""

from typing import Any

from django.db import migrations, models
from django.db.models import Value
from django.db.models.functions import Concat, Substr

LETTERS = {"d": "detection", "s": "searched", "g": "unsearched"}
# "d12" stays: there the letter says what the number counts, beside the "51:26" of a cell of the grid.
CELLS = ("s", "g")


def read_letters(apps: Any, schema_editor: Any) -> None:
    reports = apps.get_model("labeling", "Report").objects.order_by()
    for letter, ground in LETTERS.items():
        # SQLite's LIKE knows no case, and no other letters were ever written.
        named = reports.filter(place_key__startswith=letter)
        named.update(ground=ground, **({"place_key": Substr("place_key", 2)} if letter in CELLS else {}))


def write_letters(apps: Any, schema_editor: Any) -> None:
    reports = apps.get_model("labeling", "Report").objects.order_by()
    for letter in CELLS:
        cells = reports.filter(ground=LETTERS[letter], place_key__contains=":")
        cells.update(place_key=Concat(Value(letter), "place_key"))


class Migration(migrations.Migration):
    dependencies = [("labeling", "0009_gold_standard_words")]

    operations = [
        migrations.AddField(
            model_name="report",
            name="ground",
            field=models.CharField(
                choices=[
                    ("detection", "Detection"),
                    ("searched", "Searched"),
                    ("unsearched", "Unsearched"),
                ],
                default="unsearched",
                help_text="of the place",
                max_length=10,
            ),
        ),
        migrations.RunPython(read_letters, write_letters),
    ]
