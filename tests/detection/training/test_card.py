"""The model card: counted at training, shown to the admin, taken along as a file."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from django.test import Client

from amberapp.models import User
from detection.learning.evaluation import HeldOut
from detection.training.card import changes, failures, model_card, place_words
from detection.training.dataset import FrozenRow
from detection.training.training_data import GROUPINGS
from tests.findings import make_classifier

pytestmark = pytest.mark.django_db


def row(
    number: int, mining: bool, look_alike: str = "", place: tuple[float, float] = (51.3, 26.6)
) -> FrozenRow:
    return FrozenRow(
        f"{number:064x}", "slic", 1, mining, look_alike, *place, "2015-03-09" if number < 6 else "2016-04-07"
    )


def held_out(rows: list[FrozenRow], at_target: list[bool]) -> Any:
    scores = np.zeros(len(rows), np.float32)
    marked = np.array(at_target)
    data = SimpleNamespace(
        rows=rows,
        mining=np.array([one.mining for one in rows]),
        groups=lambda name: np.array([GROUPINGS[name](one) for one in rows]),
    )
    one = HeldOut(scores, scores, marked, marked, 5, 1.0)
    return {"by_block": one, "by_date": one}, data


def test_a_card_names_the_block_and_the_day_on_which_most_went_wrong() -> None:
    rows = [
        *(row(number, mining=True) for number in range(4)),
        *(row(number, mining=False, look_alike="clear_cut", place=(52.1, -0.1)) for number in range(4, 8)),
    ]
    found = failures(*held_out(rows, [True, True, True, False, True, True, True, False]))
    assert found["blocks"] == [
        {"name": "52.00–52.25° N, 0.00–0.25° W", "n": 4, "mining": 0, "found": 0, "false_alarms": 3},
        {"name": "51.25–51.50° N, 26.50–26.75° E", "n": 4, "mining": 4, "found": 3, "false_alarms": 0},
    ]
    assert [one["name"] for one in found["dates"]] == ["2015-03-09", "2016-04-07"]
    assert found["look_alikes"] == [{"name": "clear_cut", "n": 4, "called_mining": 3}]


def test_a_place_without_coordinates_has_no_block_to_be_named_by() -> None:
    assert place_words("ab" * 32) == ""
    assert place_words("-1_0") == "0.00–0.25° S, 0.00–0.25° E"


def test_carol_reads_where_it_fails_and_takes_the_card_along(
    region: Any, trained: Any, carol: User, alice: User, client: Client
) -> None:
    assert set(trained.metrics["card"]) == {"blocks", "dates", "look_alikes", "changes"}
    trained.metrics["card"]["blocks"] = [
        {"name": "51.25–51.50° N, 26.50–26.75° E", "n": 20, "mining": 14, "found": 3, "false_alarms": 2}
    ]
    trained.metrics["card"]["look_alikes"] = [{"name": "clear_cut", "n": 9, "called_mining": 4}]
    trained.save()
    address = f"/manage/classifiers/{trained.pk}/"
    client.force_login(alice)
    assert client.get(f"{address}model-card.json").status_code in (302, 403)
    client.force_login(carol)
    page = client.get(address).content.decode()
    assert "51.25–51.50° N" in page and "3 of 14" in page and "4 of 9" in page
    card = json.loads(client.get(f"{address}model-card.json").content)
    assert card["data"] == {
        "superpixels": trained.dataset.rows,
        "mining": trained.dataset.positives,
        "sha256": trained.dataset.content_hash,
    }
    assert card["blocks"][0]["found"] == 3 and "by_tile" in card["held_out"]
    text = client.get(f"{address}model-card.md")
    assert text["Content-Type"].startswith("text/markdown")
    assert "| 51.25–51.50° N, 26.50–26.75° E | 20 | 3 of 14 | 2 |" in text.content.decode()
    assert client.get("/manage/classifiers/999999/model-card.md").status_code == 404


def test_a_classifier_of_before_the_cards_says_that_nothing_was_counted(
    region: Any, carol: User, client: Client
) -> None:
    old = make_classifier(region)
    assert "blocks" not in model_card(old)
    client.force_login(carol)
    assert "Where it fails was not counted" in client.get(f"/manage/classifiers/{old.pk}/").content.decode()


def test_the_card_says_what_is_new_since_the_classifier_before(region: Any, trained: Any) -> None:
    from detection.training import dataset as datasets

    rows = datasets.read(trained.dataset)
    turned = next(place for place, one in enumerate(rows) if one.mining)
    now = [*rows[:turned], *rows[turned + 2 :], row(99, mining=True), row(98, mining=False)]
    now.append(FrozenRow(**{**rows[turned].__dict__, "mining": False}))
    told = changes(region, type("Other", (), {"pk": None})(), now)
    assert told == {"classifier": trained.pk, "added_mining": 1, "added_other": 1, "removed": 1, "turned": 1}
    assert changes(region, trained.dataset, rows)["removed"] == 0
    type(region).objects.filter(pk=region.pk).update(active_classifier=None)
    region.classifiers.all().delete()
    assert changes(region, trained.dataset, rows) is None
