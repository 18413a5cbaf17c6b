"""Bob corrects an outline instead of taking or refusing it whole, and what he says teaches just that."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from amberapp import storage
from amberapp.errors import UserError
from amberapp.models import AuditEntry, User
from detection.models import Detection, Tile
from labeling.desk.labels import expert_labels
from labeling.models import Consensus, Label, Review, Submission
from labeling.releases.files.changes import CHANGES, from_file
from labeling.releases.files.writers import OUTLINES
from labeling.releases.publish import publish_release
from labeling.releases.reader import places_of
from labeling.releases.reason_words import in_words
from labeling.review.gallery import cells_of
from labeling.review.map_history import geojson_at, map_at
from labeling.review.review_detection import review_detection, standing_of, withdraw_review
from labeling.review.verdicts import current_verdicts
from labeling.review.waiting import review_queue
from tests.findings import make_run
from tests.published import found_on

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def correct(detection: Detection, expert: User, superpixels: list[int], **more: Any) -> Review:
    return review_detection(
        detection=detection, verdict="approved", superpixels=superpixels, acting_user=expert, **more
    )


def reject(detection: Detection, expert: User, look_alike: str, **more: Any) -> Review:
    return review_detection(
        detection=detection, verdict="rejected", look_alike=look_alike, acting_user=expert, **more
    )


def standing_labels(detection: Detection) -> dict[int, str]:
    rows = Label.objects.filter(
        segmented_tile=detection.segmented_tile, submission__withdrawn_at=None, piece=0
    )
    return dict(rows.values_list("superpixel", "verdict"))


def test_what_bob_shows_is_published_and_the_file_says_that_he_drew_it(
    bob: User, carol: User, found: Any
) -> None:
    detection = found.detections.first()
    correct(detection, bob, [2, 3, 5])
    release = publish_release(run=found, acting_user=carol)
    place = next(one for one in places_of(release) if one.place == detection.segmented_tile.tile.place_id)
    assert (place.superpixels, place.corrected) == ((2, 3, 5), True)
    outlines = json.loads(storage.get(release.files.get(name=OUTLINES).storage_key))["features"]
    drawn = next(one for one in outlines if one["properties"]["place"] == place.place)
    assert drawn["properties"]["superpixels"] == [2, 3, 5]
    assert drawn["properties"]["corrected"] is True
    assert place.hectares == pytest.approx(standing_of(detection).review.correction["hectares"], abs=1e-3)
    assert place.hectares != pytest.approx(detection.hectares, abs=1e-4)
    told = geojson_at(map_at(found.region, release.created_at))["features"]
    assert [one["properties"]["corrected"] for one in told] == [True]
    assert [one["properties"]["hectares"] for one in told] == [pytest.approx(place.hectares, abs=1e-3)]


def test_the_list_of_changes_says_that_an_expert_corrected_the_outline(
    bob: User, carol: User, found: Any
) -> None:
    detection, other, _third = found.detections.all()
    place = detection.segmented_tile.tile.place_id

    def published() -> dict[str, Any]:
        release = publish_release(run=found, acting_user=carol)
        stored = release.files.filter(name=CHANGES).first()
        return from_file(storage.get(stored.storage_key)) if stored else {}

    plain = review_detection(detection=detection, verdict="approved", acting_user=bob)
    published()
    review = correct(detection, bob, [2, 3, 5], seen_review_id=plain.pk)
    new = correct(other, bob, [1, 2])
    told = published()
    assert told[place] == ("changed", {"kind": "corrected"})
    assert told[other.segmented_tile.tile.place_id][1] == {
        "kind": "review",
        "verdict": "approved",
        "corrected": True,
    }
    assert in_words(told[place][1]) == "an expert has corrected its outline"
    withdraw_review(review=review, acting_user=bob)
    withdraw_review(review=new, acting_user=bob)
    assert published()[place] == ("changed", {"kind": "taken_back", "verdict": "approved"})


def test_a_correction_teaches_its_outline_and_what_was_taken_out_of_the_machines(
    bob: User, detection: Detection
) -> None:
    review = correct(detection, bob, [2, 3, 5])
    assert standing_labels(detection) == {1: "not_mining", 2: "mining", 3: "mining", 5: "mining"}
    assert review.submission is not None
    assert (review.submission.volunteer, review.submission.origin) == (bob, "review")
    assert set(Consensus.objects.filter(by_expert=True).values_list("superpixel", flat=True)) == {1, 2, 3, 5}
    assert review.verdict_name == "approved as corrected"
    details = AuditEntry.objects.get(verb="detection.approved").details
    assert (details["added"], details["removed"]) == ([5], [1])


def test_a_mixed_superpixel_is_published_in_part_and_taught_by_fragment(
    bob: User, dora: User, detection: Detection
) -> None:
    review = correct(detection, bob, [2, 3], fragments=[(1, 1)])
    labels = Label.objects.filter(submission=review.submission, superpixel=1).order_by("piece")
    assert labels[0].verdict == "mixed"
    assert [one.verdict for one in labels[1:]] == ["mining"] + ["not_mining"] * (len(labels) - 2)
    without = correct(detection, dora, [2, 3], seen_review_id=review.pk)
    whole = correct(detection, bob, [1, 2, 3, 4], seen_review_id=without.pk)
    areas = [one.correction["hectares"] for one in (without, review, whole)]
    assert areas == sorted(areas)
    assert areas[0] < areas[1] < areas[2]


def test_the_machines_own_outline_is_no_correction(bob: User, detection: Detection) -> None:
    assert correct(detection, bob, [3, 1, 2]).correction is None
    assert not Label.objects.exists()


@pytest.mark.parametrize(
    ("superpixels", "fragments", "sentence"),
    [
        ([], [], "Nothing is left"),
        ([1, 4000], [], "does not exist"),
        ([1, 2], [(1, 1)], "as a whole and in fragments"),
        ([2], [(1, 999)], "has no fragment"),
    ],
)
def test_an_outline_that_the_tile_cannot_have_is_refused_and_writes_nothing(
    superpixels: list[int], fragments: list[Any], sentence: str, bob: User, detection: Detection
) -> None:
    with pytest.raises(UserError, match=sentence):
        correct(detection, bob, superpixels, fragments=fragments)
    assert not Review.objects.exists()


def test_only_an_approval_corrects(bob: User, detection: Detection) -> None:
    with pytest.raises(UserError, match="by approving it"):
        reject(detection, bob, "snow", superpixels=[1])


def test_taken_back_it_is_the_machines_outline_again_and_its_labels_go(
    bob: User, detection: Detection, run: Any
) -> None:
    review = correct(detection, bob, [2, 5])
    withdraw_review(review=review, acting_user=bob)
    assert standing_labels(detection) == {}
    assert current_verdicts(run) == {}
    assert Submission.objects.get(pk=review.submission_id).withdrawn_at is not None


def test_its_labels_come_back_with_it(bob: User, detection: Detection) -> None:
    review = correct(detection, bob, [2, 5])
    rejection = reject(detection, bob, "snow", seen_review_id=review.pk)
    assert standing_labels(detection) == {1: "not_mining", 2: "not_mining", 3: "not_mining"}
    withdraw_review(review=rejection, acting_user=bob)
    assert standing_labels(detection) == {1: "not_mining", 2: "mining", 3: "not_mining", 5: "mining"}


def test_a_colleague_who_approves_what_is_shown_approves_the_correction(
    bob: User, dora: User, detection: Detection
) -> None:
    first = correct(detection, bob, [2, 5])
    second = review_detection(
        detection=detection, verdict="approved", acting_user=dora, seen_review_id=first.pk
    )
    assert second.correction == first.correction
    third = correct(detection, dora, [1, 2, 3], seen_review_id=second.pk)
    assert third.correction is None


def test_a_later_run_with_the_same_ground_or_with_just_the_corrected_one_is_judged_already(
    bob: User, run: Any, detection: Detection, tiles: list[Any]
) -> None:
    review = correct(detection, bob, [2, 3, 5])
    for superpixels in ((1, 2, 3), (2, 3, 5)):
        later = make_run(run.classifier, tiles[:1], pieces=superpixels)
        verdict = current_verdicts(later)[later.detections.get().pk]
        assert (verdict.verdict, verdict.review.pk, verdict.carried) == ("approved", review.pk, True)
    assert current_verdicts(make_run(run.classifier, tiles[:1], pieces=(1, 2))) == {}


def test_a_correction_that_was_overruled_says_nothing_of_what_a_later_run_draws(
    bob: User, run: Any, detection: Detection, tiles: list[Any]
) -> None:
    first = correct(detection, bob, [2, 3, 5])
    second = correct(detection, bob, [2, 3], seen_review_id=first.pk)
    assert current_verdicts(make_run(run.classifier, tiles[:1], pieces=(2, 3, 5))) == {}
    later = make_run(run.classifier, tiles[:1], pieces=(2, 3))
    assert current_verdicts(later)[later.detections.get().pk].review == second
    reject(detection, bob, "snow", seen_review_id=second.pk)
    assert current_verdicts(later) == {}


def test_a_place_that_became_known_after_the_correction_is_published(
    bob: User, carol: User, found: Any
) -> None:
    detection = found.detections.first()
    tile = detection.segmented_tile.tile
    bounds = {name: getattr(tile, name) for name in ("west", "south", "east", "north")}
    Tile.objects.filter(pk=tile.pk).update(**dict.fromkeys(bounds))
    Detection.objects.filter(pk=detection.pk).update(outline=None, hectares=None)
    review = correct(Detection.objects.get(pk=detection.pk), bob, [2, 3, 5])
    assert review.correction["hectares"] is None
    Tile.objects.filter(pk=tile.pk).update(**bounds)
    later = found_on(found.region, [tile])
    place = places_of(publish_release(run=later, acting_user=carol))[0]
    assert (place.superpixels, place.corrected) == ((2, 3, 5), True)
    assert place.hectares > 0


def test_the_largest_come_first_as_experts_have_drawn_them(bob: User, run: Any) -> None:
    first, *_others = run.detections.all()
    correct(first, bob, list(range(1, 37)))
    items = {item.detection_id: item.hectares for item in review_queue(run)}
    assert items[first.pk] == standing_of(first).review.correction["hectares"]
    assert cells_of([first.pk], bob)[0].item.hectares == pytest.approx(items[first.pk])


# Rejections --------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["other", "outline_wrong"])
def test_a_rejection_that_names_no_look_alike_teaches_nothing(
    reason: str, bob: User, detection: Detection
) -> None:
    review = reject(detection, bob, reason)
    assert not Label.objects.exists()
    assert review.look_alike_name in ("Something else", "The outline is wrong")


def test_a_rejection_says_nothing_of_what_an_expert_called_mining(
    bob: User, dora: User, detection: Detection
) -> None:
    expert_labels(
        segmented_tile=detection.segmented_tile,
        labels=[{"superpixel": 2, "verdict": "mining"}, {"superpixel": 3, "verdict": "mixed"}],
        acting_user=dora,
        origin="campaign",
    )
    reject(detection, bob, "snow")
    assert standing_labels(detection) == {1: "not_mining", 2: "mining", 3: "mixed"}


# The doors ---------------------------------------------------------------------------------------


def test_through_the_api(bob: User, alice: User, detection: Detection, client_of: Callable[..., Any]) -> None:
    url = f"/api/detections/{detection.pk}/"
    superpixels = client_of(bob).get(f"{url}superpixels/").json()
    assert [one["number"] for one in superpixels] == list(range(1, detection.segmented_tile.superpixels + 1))
    assert all(one["path"].startswith("M") for one in superpixels)
    fragments = client_of(bob).get(f"{url}superpixels/1/fragments/").json()
    assert [one["number"] for one in fragments] == list(range(1, len(fragments) + 1))
    assert client_of(bob).get(f"{url}superpixels/9999/fragments/").status_code == 404
    for door in ("superpixels/", "superpixels/1/fragments/"):
        assert client_of(alice).get(url + door).status_code == 403
    body = {"verdict": "approved", "superpixels": [2, 3], "fragments": [[1, 1]]}
    answer = client_of(bob).post(f"{url}reviews/", body, content_type="application/json")
    assert answer.status_code == 201
    assert answer.json()["correction"]["superpixels"] == [2, 3]
    for wrong in (
        {"superpixels": "x"},
        {"superpixels": [0]},
        {"superpixels": [2], "fragments": [[1]]},
        {"fragments": [[1, 1]]},
    ):
        refused = client_of(bob).post(
            f"{url}reviews/", {"verdict": "approved"} | wrong, content_type="application/json"
        )
        assert refused.status_code == 400
        assert "error" in refused.json()


def test_the_card_the_gallery_and_the_history_show_it(
    bob: User, detection: Detection, client_of: Callable[..., Any]
) -> None:
    correct(detection, bob, [2, 5])
    for page in (f"/review/{detection.pk}/", f"/review/gallery/?run={detection.run_id}&state=all"):
        text = client_of(bob).get(page).content.decode()
        assert "is-machine" in text
        assert "pproved as corrected" in text
    assert "approved as corrected" in client_of(bob).get("/review/history/").content.decode()
