"""The gallery's order and pages, without scripts too."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from amberapp.models import User
from detection.models import Detection
from labeling.models import Campaign, Consensus, LookAlike, Report, Review
from labeling.review.gallery import close_up, ordered, short_path
from labeling.review.review_detection import review_detection
from labeling.review.verdicts import current_verdicts
from labeling.review.waiting import review_queue
from tests.findings import make_classifier, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def report(detection: Detection, **fields: Any) -> Report:
    values = {"latitude": 51.5, "longitude": 26.5, "category": "not_mining"} | fields
    return Report.objects.create(region=detection.run.region, detection=detection, **values)


# Order and pages ----------------------------------------------------------------------------------


def test_the_gallery_is_sorted_by_area_reports_and_disagreement(bob: User, dora: User, run: Any) -> None:
    first, second, third, fourth = run.detections.all()
    report(third)
    report(third, category="other", state="declined")
    report(second)
    for _junk in range(3):
        report(first, state="junk")
    for detection, posterior in ((second, 0.9), (fourth, 0.01)):
        for superpixel in detection.superpixels:
            Consensus.objects.create(
                segmented_tile=detection.segmented_tile,
                superpixel=superpixel,
                verdict="mining",
                probabilities=[posterior, 1 - posterior, 0],
                votes=2,
                agreeing=2,
            )
    said = review_detection(detection=third, verdict="approved", acting_user=bob)
    review_detection(
        detection=third, verdict="rejected", look_alike="snow", acting_user=dora, seen_review_id=said.pk
    )
    items = review_queue(run)
    order = {
        name: [item.detection_id for item in ordered(run, items, name)]
        for name in ("score", "area", "reports", "disagreement")
    }
    assert order == {
        "score": [first.pk, second.pk, third.pk, fourth.pk],
        "area": [fourth.pk, third.pk, second.pk, first.pk],
        "reports": [third.pk, second.pk, first.pk, fourth.pk],
        "disagreement": [third.pk, fourth.pk, second.pk, first.pk],
    }


def test_a_close_up_shows_the_outline_with_ground_around_it_and_stays_on_the_tile() -> None:
    corner = {"coordinates": [[[[0, 0], [50, 0], [50, 40], [0, 0]]]]}
    assert close_up(corner, 1000, 800) == (0, 0, 240, 240)
    wide = {"coordinates": [[[[100, 100], [900, 100], [900, 200], [100, 100]]]]}
    assert close_up(wide, 1000, 800) == (100, 0, 800, 800)


def test_a_short_path_draws_the_same_line_in_steps() -> None:
    outer = [[0, 0], [10.4, 0], [10, 10], [2, 8], [0, 0]]
    hole = [[2, 2], [4, 2], [4, 4], [2, 2]]
    assert short_path({"coordinates": [[outer, hole]]}) == "M0 0h10v10l-8 -2zM2 2h2v2z"


@pytest.mark.parametrize("order", ["score", "area", "reports", "disagreement"])
def test_the_gallery_asks_the_database_no_more_for_more_detections(
    bob: User, dora: User, region: Any, make_tile: Callable[..., Any], client_of: Callable, order: str
) -> None:
    client = client_of(bob)
    classifier = make_classifier(region)
    tiles = [make_tile(seed) for seed in range(1, 7)]
    LookAlike.objects.listed()  # kept in the cache from the first page on
    before = make_run(classifier, tiles[:1])
    report(before.detections.get())
    counted = []
    for shown in (tiles[:2], tiles):
        run = make_run(classifier, shown)
        for detection in run.detections.all():
            review_detection(detection=detection, verdict="approved", acting_user=dora)
            break
        with CaptureQueriesContext(connection) as page:
            assert client.get(f"/review/gallery/?run={run.pk}&state=all&order={order}").status_code == 200
        ids = ",".join(str(pk) for pk in run.detections.values_list("pk", flat=True))
        with CaptureQueriesContext(connection) as cells:
            assert client.get(f"/review/gallery/cells/?ids={ids}").status_code == 200
        counted.append((len(page), len(cells)))
        Review._base_manager.all().delete()
    assert counted[0] == counted[1]
    assert counted[0][0] <= 26
    assert counted[0][1] <= 12


def test_the_single_view_goes_the_way_of_the_gallery_without_scripts(
    bob: User, run: Any, client_of: Callable
) -> None:
    """By area it is the other way round than by score."""
    first, second, third, fourth = run.detections.all()
    client = client_of(bob)
    way = "state=undecided&order=area"
    page = client.get("/review/gallery/?order=area")
    assert page.context["data"]["numbers"] == [fourth.pk, third.pk, second.pk, first.pk]
    assert f'href="/review/{third.pk}/?state=undecided&amp;order=area"' in page.content.decode()
    single = client.get(f"/review/{third.pk}/?{way}")
    assert (single.context["before_this"], single.context["after_this"]) == (fourth.pk, second.pk)
    assert single.context["page"]["queue"] == [third.pk, second.pk, first.pk, fourth.pk]
    assert single.context["page"]["way"] == way
    back = f"/review/gallery/?run={run.pk}&{way}&at={third.pk}"
    assert f'href="{back.replace("&", "&amp;")}"' in single.content.decode()
    # Deciding goes on in that order, and ends in the gallery.
    for detection, following in ((third, second), (second, first), (first, fourth)):
        answer = client.post(f"/review/{detection.pk}/?{way}", {"decision": "approved", "seen": ""})
        assert answer.url == f"/review/{following.pk}/?{way}"
    answer = client.post(f"/review/{fourth.pk}/?{way}", {"decision": "approved", "seen": ""})
    assert answer.url == f"/review/gallery/?run={run.pk}&{way}"
    # By score without an order, as ever.
    assert client.get(f"/review/{second.pk}/?state=all").context["page"]["queue"][1] == third.pk
    odd = client.get(f"/review/{second.pk}/?state=all&order=odd&fresh=odd").context["page"]
    assert (odd["way"], odd["queue"][1]) == ("state=all", third.pk)


def test_only_what_changed_stays_so_in_the_single_view(
    bob: User, run: Any, tiles: list[Any], make_tile: Callable[..., Any], client_of: Callable
) -> None:
    later = make_run(run.classifier, [*tiles, make_tile(9)])
    new = later.detections.get(segmented_tile__tile__file_name="tile-9.jpg")
    page = client_of(bob).get(f"/review/gallery/?run={later.pk}&fresh=1").content.decode()
    link = f"/review/{new.pk}/?state=undecided&order=score&fresh=1"
    assert link.replace("&", "&amp;") in page
    assert client_of(bob).get(link).context["page"]["queue"] == [new.pk]


def test_the_gallery_opens_at_a_detection_or_where_it_was(
    bob: User,
    region: Any,
    make_tile: Callable[..., Any],
    client_of: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("labeling.review.views.gallery.CELLS", 2)
    run = make_run(make_classifier(region), [make_tile(seed) for seed in range(1, 6)])
    client = client_of(bob)
    rows = list(run.detections.all())

    def opened(number: Any) -> tuple[int, int | None]:
        page = client.get("/review/gallery/", {"at": number})
        return page.context["page"].number, page.context["data"]["at"]

    assert opened(rows[3].pk) == (2, 3)
    review_detection(detection=rows[3], verdict="approved", acting_user=bob)
    assert opened(rows[3].pk) == (2, 3), "what came after it is in its place"
    review_detection(detection=rows[4], verdict="approved", acting_user=bob)
    assert opened(rows[4].pk) == (2, 2), "the last one that is left"
    for odd in ("x", "", "9" * 40, 10**9, "²", "\0"):
        assert opened(odd) == (1, None)


def test_bob_adds_a_note_to_many_without_scripts(bob: User, run: Any, client_of: Callable) -> None:
    first, second = run.detections.all()[:2]
    page = client_of(bob).get("/review/gallery/").content.decode()
    assert '<textarea id="note" name="note"' in page
    said = {
        "detection": [f"{first.pk}:", f"{second.pk}:"],
        "decision": "second",
        "note": "spring floods?",
    }
    client_of(bob).post("/review/gallery/?state=all", said)
    assert set(Review.objects.values_list("note", flat=True)) == {"spring floods?"}
    long = client_of(bob).post("/review/gallery/", said | {"note": "x" * 2001})
    assert long.status_code == 400
    assert "2000" in long.content.decode()


def test_bob_uses_the_gallery_without_scripts(bob: User, dora: User, run: Any, client_of: Callable) -> None:
    first, second, third, fourth = run.detections.all()
    client = client_of(bob)
    page = client.get("/review/gallery/").content.decode()
    assert f'value="{first.pk}:"' in page
    review_detection(detection=second, verdict="approved", acting_user=dora)
    done = client.post(
        "/review/gallery/?state=all",
        {"detection": [f"{first.pk}:", f"{second.pk}:", f"{third.pk}:"], "decision": "rejected:field"},
        follow=True,
    ).content.decode()
    assert "2 detections are decided." in done
    assert f"Detection {second.pk}: dora has decided meanwhile: approved." in done
    back = client.post("/review/gallery/?state=all", {"decision": "undo"}, follow=True).content.decode()
    assert "2 verdicts are taken back." in back
    assert set(current_verdicts(run)) == {second.pk}
    client.post("/review/gallery/", {"detection": f"{fourth.pk}:", "decision": "second"})
    assert current_verdicts(run)[fourth.pk].verdict == "second"


def test_wrong_questions_to_the_gallery_get_a_sentence(
    bob: User, alice: User, run: Any, client_of: Callable
) -> None:
    client = client_of(bob)
    number = run.detections.first().pk
    assert client.get("/review/gallery/?run=7777777").status_code == 404
    assert client.get("/review/gallery/?state=odd&order=odd&page=odd&fresh=odd").status_code == 200
    for ids in ("", "x", "1,2,x", ",".join(["1"] * 201), "9" * 40, "²"):
        assert client.get("/review/gallery/cells/", {"ids": ids}).status_code == 400
    assert client.get("/review/gallery/cells/", {"ids": "99999"}).content.strip() == b""
    for wrong in (
        {"decision": "approved"},
        {"decision": "approved", "detection": "x"},
        {"decision": "rejected", "detection": f"{number}:"},
        {"decision": "ufo", "detection": f"{number}:"},
        {"decision": "undo"},
    ):
        assert client.post("/review/gallery/", wrong).status_code == 400
    assert client_of(alice).get("/review/gallery/").status_code == 403
    assert client_of(alice).get("/review/gallery/cells/?ids=1").status_code == 403
    assert client.get("/review/gallery/?state=disputed").status_code == 200


def test_a_gallery_of_a_region_never_searched_says_so(bob: User, region: Any, client_of: Callable) -> None:
    assert "Nothing to review yet" in client_of(bob).get("/review/gallery/").content.decode()


def test_from_the_review_of_a_campaigns_run_bob_finds_back_to_the_campaign(
    bob: User, run: Any, client_of: Callable
) -> None:
    detection = run.detections.all()[0]
    campaign = Campaign.objects.create(
        region=run.region,
        name="Ploughed fields",
        segmented_tile=detection.segmented_tile,
        superpixels=[1],
        run_after=run,
    )
    link = f'<a href="/review/campaigns/{campaign.pk}/">Ploughed fields</a>'
    client = client_of(bob)
    for address in (f"/review/gallery/?run={run.pk}", f"/review/{detection.pk}/"):
        assert link in client.get(address).content.decode(), address
    campaign.withdrawn_at = timezone.now()
    campaign.save()
    assert link not in client.get(f"/review/gallery/?run={run.pk}").content.decode()
