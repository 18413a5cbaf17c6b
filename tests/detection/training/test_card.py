"""The model card: counted at training, shown to the admin, taken along as a file."""

import json
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from django.test import Client

from amberapp import storage
from amberapp.models import User
from detection.learning.evaluation import HeldOut
from detection.models import Dataset, Region
from detection.training import dataset as datasets
from detection.training.card import as_text, changes, failures, model_card, place_words
from detection.training.dataset import FrozenRow
from detection.training.training_data import GROUPINGS
from tests.findings import make_classifier
from tests.pages import squeezed

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
    assert found["look_alikes"] == [{"name": "clear cut", "n": 4, "called_mining": 3}]
    assert found["totals"]["blocks"] == {"groups": 2, "failing": 2}
    assert found["totals"]["look_alikes"] == {"groups": 1, "failing": 1}


def test_what_could_not_be_held_out_is_not_said_to_be_without_mistakes(
    region: Any, carol: User, client: Client
) -> None:
    rows = [row(number, mining=number < 2) for number in range(4)]
    assert failures({}, held_out(rows, [True] * 4)[1])["totals"] == {}
    kept = failures({}, held_out(rows, [True] * 4)[1]) | {"changes": None}
    blind = make_classifier(region, metrics={"card": kept, "threshold_reached": False}, threshold=0.5)
    text = as_text(model_card(blind))
    assert "Not measured: too few places" in text and "it promises nothing" in text
    assert "Where it fails" not in text
    client.force_login(carol)
    page = squeezed(client.get(f"/manage/classifiers/{blind.pk}/"))
    assert "Where it fails is not known" in page
    assert "promises nothing: a precision of 0.95 was not reached" in page


def test_a_place_without_coordinates_has_no_block_to_be_named_by() -> None:
    assert place_words("ab" * 32) == ""
    assert place_words("-1_0") == "0.00–0.25° S, 0.00–0.25° E"


def test_carol_reads_where_it_fails_and_takes_the_card_along(
    region: Any,
    trained: Any,
    carol: User,
    alice: User,
    client: Client,
    django_assert_max_num_queries: Any,
) -> None:
    assert set(trained.metrics["card"]) == {"blocks", "dates", "look_alikes", "totals", "changes"}
    trained.metrics["card"]["totals"] = {"blocks": {"groups": 7, "failing": 1}}
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
    assert "Held-out blocks: 1 of 7 were judged wrong somewhere" in page
    assert "It promises nothing of blocks or dates never labelled" in page
    card = json.loads(client.get(f"{address}model-card.json").content)
    assert card["data"] == {
        "superpixels": trained.dataset.rows,
        "mining": trained.dataset.positives,
        "sha256": trained.dataset.content_hash,
    }
    assert card["blocks"][0]["found"] == 3 and "by_tile" in card["held_out"]
    with django_assert_max_num_queries(4):
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


def frozen(region: Any, rows: list[FrozenRow], *campaigns: dict[str, Any]) -> Dataset:
    """A dataset of these rows, as freezing writes it."""
    lines: list[Any] = [{"campaigns": list(campaigns)}] if campaigns else []
    lines += [asdict(one) for one in rows]
    data = "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines).encode()
    key = storage.put(storage.content_key("datasets", data, ".jsonl"), data)
    return Dataset.objects.create(
        region=region,
        content_hash=storage.sha256_of(data),
        file_key=key,
        rows=len(rows),
        positives=sum(one.mining for one in rows),
    )


SANDS = {
    "number": 4,
    "name": "White sands",
    "decision": "look_alike",
    "look_alike": "sand",
    "superpixels": 3,
}


def test_the_card_says_what_is_new_since_the_classifier_before(
    region: Any, trained: Any, carol: User, client: Client
) -> None:
    rows = datasets.read(trained.dataset)
    turned = next(place for place, one in enumerate(rows) if one.mining)
    now = [*rows[:turned], *rows[turned + 2 :], row(99, mining=True), row(98, mining=False)]
    now.append(replace(rows[turned], mining=False))
    told = changes(region, frozen(region, now, SANDS), now)
    assert told is not None
    counted = {"added_mining": 1, "added_other": 1, "removed": 1, "turned": 1, "campaigns": ["White sands"]}
    assert counted.items() <= told.items()
    assert told["classifier"] == trained.pk and told["threshold"] == trained.threshold
    assert told["figures"]["by_tile"]["f1"] == trained.metrics["by_tile"]["f1"]
    told["figures"]["by_tile"]["f1"] = 0.5
    metrics = trained.metrics | {"card": failures({}, held_out(rows[:1], [True])[1]) | {"changes": told}}
    metrics["by_tile"]["f1"] = 0.75
    after = make_classifier(region, metrics=metrics, algorithm="forest", threshold=trained.threshold)
    client.force_login(carol)
    page = squeezed(client.get(f"/manage/classifiers/{after.pk}/"))
    for line in (
        "1 superpixels judged otherwise",
        "campaign “White sands”",
        f"Algorithm: {trained.algorithm} → forest",
        "Held-out places, F1: 0.50 → 0.75",
        "Each figure was measured on the labels of its time.",
    ):
        assert line in page
    assert "Threshold: " not in page.partition("What changed since")[2].partition("</section>")[0]
    text = as_text(model_card(after))
    assert "- f1, held-out places: 0.500 → 0.750" in text and "White sands" in text


def test_the_same_labels_are_no_change_and_a_lost_dataset_is_told(region: Any, trained: Any) -> None:
    rows = datasets.read(trained.dataset)
    same = changes(region, trained.dataset, rows)
    assert same is not None and (same["removed"], same["turned"], same["campaigns"]) == (0, 0, [])
    make_classifier(region)
    lost = changes(region, trained.dataset, rows)
    assert lost is not None and lost["threshold"] == 0.61 and "removed" not in lost
    Region.objects.filter(pk=region.pk).update(active_classifier=None)
    region.classifiers.all().delete()
    assert changes(region, trained.dataset, rows) is None


def test_a_campaigns_name_is_text_and_no_markup_in_the_card(region: Any, trained: Any) -> None:
    card = model_card(trained)
    card["changes"] = {
        "added_mining": 1,
        "added_other": 0,
        "removed": 0,
        "turned": 0,
        "campaigns": ["a|b <script>\n[here](http://x)"],
        "algorithm": trained.algorithm,
        "features": trained.extractor_key,
        "threshold": 0.5,
        "figures": {},
    }
    assert r"a\|b \<script\> \[here\]\(http://x\)" in as_text(card)
