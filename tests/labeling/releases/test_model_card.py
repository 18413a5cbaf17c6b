"""A reader takes the model card of the classifier that made the map home with it."""

import json
from typing import Any

import pytest
from django.test import Client

from amberapp import storage
from detection.training.card import as_text, model_card
from labeling.releases.files.writers import CARD
from labeling.releases.publish import AlreadyPublished, publish_release
from tests.published import publish_all

pytestmark = pytest.mark.django_db


def text_of(release: Any, name: str) -> str:
    return storage.get(release.files.get(name=name).storage_key).decode()


def test_a_release_offers_the_card_of_the_classifier_whose_run_it_shows(release: Any) -> None:
    classifier = release.run.classifier
    page = Client().get("/releases/").content.decode()
    for name in CARD:
        assert f'href="/releases/testshire/1/{name}"' in page
        digest = release.files.get(name=name).sha256
        assert f"{digest}  {name}\n" in text_of(release, "SHA256SUMS")
        assert f"{digest}  {name}: " in text_of(release, "README.txt")
    answer = Client().get("/releases/testshire/1/model-card.md")
    assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer.getvalue().decode() == as_text(model_card(classifier))
    card = json.loads(Client().get("/releases/testshire/1/model-card.json").getvalue())
    assert card["classifier"]["sha256"] == classifier.model_sha256
    assert card["threshold"]["value"] == classifier.threshold


def test_nobody_is_named_in_a_released_card_and_no_number_of_a_row(found: Any, bob: Any, carol: Any) -> None:
    classifier = found.classifier
    classifier.created_by = carol
    kept: dict[str, Any] = {"blocks": [], "dates": [], "look_alikes": [], "totals": {}}
    before = {"classifier": 987654, "algorithm": "forest", "features": "old", "threshold": 0.4, "figures": {}}
    classifier.metrics = classifier.metrics | {"card": kept | {"changes": before}}
    classifier.save()
    publish_all(found, bob, carol)
    release = found.releases.get()
    for name in CARD:
        text = text_of(release, name)
        assert "forest" in text
        assert "987654" not in text and carol.username not in text and bob.username not in text


def test_a_classifier_of_before_the_cards_has_one_with_what_is_known(release: Any) -> None:
    text = text_of(release, "model-card.md")
    assert "held-out places" in text and "Intended use" in text
    assert "Where it fails" not in text and "Since the classifier before" not in text


def test_the_card_makes_no_new_release_of_the_same_map(release: Any) -> None:
    with pytest.raises(AlreadyPublished):
        publish_release(run=release.run, acting_user=None)
