"""What a campaign has changed is measured on places held out, and an admin is asked where it is worse."""

from typing import Any

import numpy as np
import pytest

from amberapp.models import User
from detection.learning import before_after
from detection.models import Classifier, Dataset, Run, SegmentedTile
from detection.training.dataset import FrozenRow
from detection.training.train import activate
from labeling.campaigns import campaigns, round
from labeling.campaigns import held_out as campaign_held_out
from labeling.campaigns.held_out import origins_of
from labeling.desk.labels import expert_labels
from labeling.models import AreaSample, Campaign, Origin
from labeling.training.retrain import freeze_region
from tests.labeling.campaigns.rounds import AS_GOOD, again, known, like, silent

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.mark.parametrize(("name", "said"), [*campaign_held_out.NOT_MEASURED.items()])
def test_why_nothing_could_be_measured_is_told_in_the_readers_language(
    decided: Campaign, bob: User, client_of: Any, name: str, said: Any
) -> None:
    Campaign.objects.filter(pk=decided.pk).update(effect={"held_out": {"reason": name}})
    page = client_of(bob).get(f"/review/campaigns/{decided.pk}/").content.decode()
    assert f"Not measured. {said}" in page


def test_one_detection_removed_is_told_as_one_and_no_difference_without_a_sign(
    decided: Campaign, bob: User, client_of: Any
) -> None:
    figures = {key: [0.912, 0.9, 0.93] for key in ("precision", "recall", "f1", "average_precision")}
    none, some = [0.004, -0.01, 0.02], [0.05, 0.01, 0.09]
    told = known(**(dict.fromkeys(figures, none) | {"recall": some}))
    changes = {"vanished": 1, "appeared": 2, "changed": 0, "unchanged": 7}
    Campaign.objects.filter(pk=decided.pk).update(effect={"held_out": told, "run": changes})
    page = client_of(bob).get(f"/review/campaigns/{decided.pk}/").content.decode()
    assert "<dt>detection removed</dt><dd>1</dd>" in page
    assert "<strong>0.00</strong>" in page
    assert "<strong>+0.05</strong>" in page
    assert "+0.00" not in page


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        ({"reason": "few places"}, "Nothing says whether the new classifier is better or worse"),
        ({"known": None}, "Nothing says whether the new classifier is better or worse"),
        (known() | {"reason": "few known"}, "Nothing says whether the new classifier is better or worse"),
        (known(recall=[-0.6, -0.7, -0.5]), "is worse than the old one (Recall)"),
        (known(f1=[-0.4, -0.5, -0.3]), "is worse than the old one (F1)"),
        (
            known(recall=[-0.6, -0.7, -0.5], average_precision=[-0.2, -0.3, -0.1]),
            "is worse than the old one (Average precision, Recall)",
        ),
    ],
)
def test_an_admin_is_asked_where_it_is_worse_and_where_nothing_was_measured(
    decided: Campaign,
    trained: Classifier,
    carol: User,
    client_of: Any,
    monkeypatch: pytest.MonkeyPatch,
    measured: dict[str, Any],
    said: str,
) -> None:
    monkeypatch.setattr(round, "train", like(trained))
    monkeypatch.setattr(round, "measure_held_out", lambda campaign, progress: measured)
    values = {"acting_user": carol, "progress": silent}
    assert round.run_round(campaign=again(decided), go_on=False, **values)["run"] is None
    assert again(decided).region.active_classifier == trained
    page = client_of(carol).get(f"/review/campaigns/{decided.pk}/").content.decode()
    assert said in page
    assert "Go on all the same" in page
    assert round.run_round(campaign=again(decided), go_on=True, **values)["run"] is not None
    assert again(decided).region.active_classifier != trained


@pytest.mark.parametrize("fallen", ["precision", "recall", "f1", "average_precision"])
def test_what_other_places_could_have_turned_round_asks_nobody(
    decided: Campaign, trained: Classifier, carol: User, monkeypatch: pytest.MonkeyPatch, fallen: str
) -> None:
    measured = known(**{fallen: [-0.1, -0.3, 0.0]})
    monkeypatch.setattr(round, "train", like(trained))
    monkeypatch.setattr(round, "measure_held_out", lambda campaign, progress: measured)
    values = {"acting_user": carol, "go_on": False, "progress": silent}
    assert round.run_round(campaign=again(decided), **values)["run"] is not None


def test_rejections_since_are_no_part_of_the_figures_that_decide(
    decided: Campaign, trained: Classifier, carol: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An expert rejected what the old classifier had found elsewhere, and another campaign was decided meanwhile."""
    monkeypatch.setattr(round, "train", like(trained))
    own = set(decided.members.values_list("segmented_tile_id", "superpixel"))
    elsewhere = SegmentedTile.objects.exclude(pk=decided.segmented_tile_id).filter(superpixels__gt=3).first()
    assert elsewhere is not None
    expert_labels(
        segmented_tile=elsewhere,
        labels=[{"superpixel": 1, "verdict": "not_mining", "look_alike": "cemetery"}],
        acting_user=bob,
        origin=Origin.REVIEW,
    )
    other = campaigns.begin_from_superpixel(segmented_tile=elsewhere, superpixel=2, acting_user=bob)
    other = campaigns.decide(
        campaign=other,
        ticked=[(elsewhere.pk, 2), (elsewhere.pk, 3)],
        decision="label",
        look_alike="snow",
        name="Snow in the woods",
        acting_user=bob,
    )
    round.run_round(campaign=again(decided), acting_user=carol, go_on=True, progress=silent)
    told = again(decided).effect["held_out"]
    assert told["rows"] == {"known": 24, "own": len(own), "since": 3}
    assert (told["known"]["n"], told["known"]["positives"]) == (24, 12)
    assert told["all"]["n"] == 24 + len(own) + 3
    assert {origin: part["n"] for origin, part in told["kinds"]["cemetery"].items()} == {
        "own": len(own),
        "since": 1,
    }
    assert told["labels"] == {
        "learned": False,
        "campaigns": [{"number": other.pk, "name": "Snow in the woods"}],
        "added": 3,
        "removed": 0,
        "changed": 0,
    }


def test_the_page_names_the_other_campaigns_and_counts_the_other_rows(
    decided: Campaign, bob: User, carol: User, client_of: Any
) -> None:
    labels = {
        "learned": False,
        "campaigns": [{"number": 77, "name": "Snow in the woods"}],
        "added": 1205,
        "removed": 4,
        "changed": 2,
    }
    rows = {"known": 40, "own": 3, "since": 1205}
    held_out = known() | {"labels": labels, "rows": rows}
    Campaign.objects.filter(pk=decided.pk).update(effect={"held_out": held_out})
    address = f"/review/campaigns/{decided.pk}/"
    page = client_of(bob).get(address).content.decode()
    assert '<a href="/review/campaigns/77/">Snow in the woods</a>.' in page
    assert "1,205 added, 4 removed, 2 with another verdict" in page
    assert "are the 40 superpixels that stand in the datasets of both classifiers" in page
    assert "come only from a random sample" in page
    assert "had learned from this campaign already" not in page
    assert 'href="/manage/samples/">Random samples' not in client_of(carol).get(address).content.decode()
    AreaSample.objects.create(region=decided.region, run=Run.objects.earliest("id"), seed=1, strata=[])
    assert 'href="/manage/samples/">Random samples' in client_of(carol).get(address).content.decode()
    assert 'href="/manage/samples/">Random samples' not in client_of(bob).get(address).content.decode()
    held_out["known"]["mining_places"] = 4
    held_out["labels"] = {"learned": True, "campaigns": [], "added": 0, "removed": 0, "changed": 0}
    Campaign.objects.filter(pk=decided.pk).update(effect={"held_out": held_out})
    page = client_of(bob).get(address).content.decode()
    assert page.count(">no range<") == 4, "one for each figure"
    assert "had learned from this campaign already" in page
    assert "both datasets say the same" in page


def test_what_was_trained_by_hand_is_compared_with_what_was_used_before(
    decided: Campaign, trained: Classifier, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An experiment that nobody made active has the next lower number."""
    monkeypatch.setattr(round, "train", like(trained))
    monkeypatch.setattr(round, "measure_held_out", lambda campaign, progress: AS_GOOD)
    other = Dataset.objects.create(
        content_hash="other", file_key="other", region=trained.region, rows=1, positives=1
    )
    like(trained)(dataset=other, region=trained.region, algorithm=trained.algorithm)
    by_hand = like(trained)(
        dataset=freeze_region(trained.region, carol), region=trained.region, algorithm=trained.algorithm
    )
    activate(classifier=by_hand, acting_user=carol)
    values = {"acting_user": carol, "go_on": False, "progress": silent}
    round.run_round(campaign=again(decided), **values)
    campaign = again(decided)
    assert (campaign.classifier_before, campaign.classifier_after) == (trained, by_hand)
    assert campaign.run_before == Run.objects.get(classifier=trained)


def test_where_nothing_was_used_before_nothing_is_compared(
    decided: Campaign, trained: Classifier, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Dataset.objects.create(
        content_hash="other", file_key="other", region=trained.region, rows=1, positives=1
    )
    like(trained)(dataset=other, region=trained.region, algorithm=trained.algorithm)
    Classifier.objects.filter(pk=trained.pk).update(dataset=freeze_region(trained.region, carol))
    values = {"acting_user": carol, "go_on": False, "progress": silent}
    assert round.run_round(campaign=again(decided), **values)["run"] is None, "an admin is asked"
    campaign = again(decided)
    assert (campaign.classifier_before, campaign.classifier_after) == (None, trained)
    assert campaign.effect["held_out"] == {"reason": "no earlier"}


def test_a_classifier_of_a_kind_that_is_taught_no_more_is_followed_by_an_svm_and_not_compared(
    decided: Campaign, trained: Classifier, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round, "train", like(trained))
    Classifier.objects.filter(pk=trained.pk).update(algorithm="mean")
    values = {"acting_user": carol, "go_on": False, "progress": silent}
    assert round.run_round(campaign=again(decided), **values)["run"] is None, "an admin is asked"
    campaign = again(decided)
    assert campaign.classifier_after.algorithm == "svm"
    assert campaign.effect["held_out"]["reason"] == "other kind"


# The comparison ---------------------------------------------------------------------------------


def test_rows_that_were_wrong_before_are_judged_better_after() -> None:
    random = np.random.default_rng(5)
    places = np.repeat([f"place {number}" for number in range(30)], 8)
    kind = np.tile([0, 0, 0, 1, 1, 1, 2, 2], 30)  # meadow, mining, clear-cut
    centres = np.array([[0, 0, 0], [3, 0, 0], [3, 0, 1.5]])
    features = (np.repeat(centres[kind], 2, axis=1) + random.normal(0, 0.7, (240, 6))).astype(np.float32)
    truth = kind == 1
    taken_for_mining = kind >= 1
    old = before_after.Rows("svm", features, taken_for_mining, places)
    new = before_after.Rows("svm", features, truth, places)
    sides = before_after.hold_out_both(old, new)
    figures = before_after.compare(*sides, truth, places, np.ones(240, bool))
    assert figures is not None
    assert figures["difference"]["precision"][1] > 0
    kinds = before_after.compare_kinds(*sides, {"clear-cut": kind == 2}, places)
    told = kinds["clear-cut"]
    assert (told["n"], told["places"]) == (60, 30)
    assert told["after"] < told["before"]
    assert told["difference"][2] < 0
    same = before_after.hold_out_both(new, new)
    nothing = before_after.compare(*same, truth, places, kind != 2)
    assert nothing is not None
    assert all(row == [0.0, 0.0, 0.0] for row in nothing["difference"].values())
    assert before_after.compare(*same, truth, places, kind == 2) is None


def test_too_few_places_and_other_features_are_told() -> None:
    features = np.zeros((4, 3), np.float32)
    few = before_after.Rows("svm", features, np.array([True, False, True, False]), np.array(["a"] * 4))
    with pytest.raises(ValueError, match="at least 2"):
        before_after.hold_out_both(few, few)
    other = before_after.Rows("svm", features[:, :2], few.mining, few.places)
    with pytest.raises(ValueError, match="different features"):
        before_after.hold_out_both(other, few)


def test_a_row_is_known_only_where_it_was_there_with_the_same_verdict() -> None:
    def row(superpixel: int, mining: bool) -> FrozenRow:
        return FrozenRow("image", "slic", superpixel, mining, "", None, None, None)

    old = [row(1, True), row(2, True), row(3, True), row(4, False)]
    new = [row(1, True), row(2, False), row(3, False), row(4, False), row(5, True), row(6, False)]
    members = {("image", "slic", number) for number in (3, 4, 6)}
    assert origins_of(old, new, members).tolist() == ["known", "since", "own", "known", "since", "own"]
