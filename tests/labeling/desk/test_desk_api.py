"""Alice and her neighbours label tiles through the desk's API: nothing lost, nothing counted twice."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amberapp.errors import NotAllowed
from amberapp.models import AuditEntry, User
from detection.models import SegmentedTile
from labeling.desk.labels import expert_labels
from labeling.desk.queue_state import rerank
from labeling.models import Consensus, Label, Submission, TileProgress

pytestmark = [pytest.mark.django_db, pytest.mark.database]

NEXT = "/api/desk/next/"
SUBMIT = "/api/desk/submissions/"


@pytest.fixture
def maria(db: None) -> User:
    return User.objects.create_user(username="maria", password="maria-password", role="volunteer")


def content(tile: Any, *labels: tuple[Any, ...], id: Any = None) -> dict[str, Any]:
    return {
        "id": str(id or uuid4()),
        "segmented_tile": tile.pk,
        "labels": [
            dict(zip(("superpixel", "verdict", "look_alike"), label, strict=False)) for label in labels
        ],
    }


def send(client: Client, body: dict[str, Any]) -> Any:
    return client.post(SUBMIT, body, content_type="application/json")


def ask(client: Client, **body: Any) -> Any:
    return client.post(NEXT, body, content_type="application/json")


def withdraw(client: Client, submission: str) -> Any:
    return client.post(f"{SUBMIT}{submission}/withdraw/", {}, content_type="application/json")


def consensus(tile: Any) -> dict[int, str]:
    return dict(Consensus.objects.filter(segmented_tile=tile).values_list("superpixel", "verdict"))


def test_alice_is_told_everything_about_the_next_tile(
    alice: User, segmented_tile: Any, client_of: Callable
) -> None:
    answer = ask(client_of(alice)).json()
    tile = answer["tile"]
    assert tile["segmented_tile"] == segmented_tile.pk
    assert tile["superpixels"] == segmented_tile.superpixels
    assert (tile["width"], tile["height"], tile["scale"]) == (200, 200, 4)
    assert tile["capture_date"] == "2015-10-05"
    assert tile["latitude"] == 51.5
    assert tile["source"] == {"name": "Test imagery", "attribution": "made by the tests", "synthetic": True}
    assert tile["mine"] is None
    assert tile["counts"] is True
    assert tile["lease_until"] is not None
    assert (tile["suggestions"], tile["settled"], tile["escalated"]) == (None, [], [])
    assert answer["session"] == {"tiles_today": 0, "tiles_total": 0}
    client = client_of(alice)
    assert client.get(tile["image"]).status_code == 200
    assert client.get(tile["raster"]).headers["Content-Type"] == "image/png"


def test_alice_sends_labels_and_everything_follows(
    alice: User, segmented_tile: Any, client_of: Callable
) -> None:
    body = content(segmented_tile, (1, "mining"), (2, "not_mining", "cemetery"), (3, "unsure"))
    response = send(client_of(alice), body)
    assert response.status_code == 201
    assert response.json()["submission"]["id"] == body["id"]
    assert response.json()["session"] == {"tiles_today": 1, "tiles_total": 1}
    submission = Submission.objects.get()
    assert (submission.volunteer, submission.segmented_tile) == (alice, segmented_tile)
    assert list(
        submission.labels.order_by("superpixel").values_list("superpixel", "verdict", "look_alike")
    ) == [
        (1, "mining", ""),
        (2, "not_mining", "cemetery"),
        (3, "unsure", ""),
    ]
    assert consensus(segmented_tile) == {1: "unsure", 2: "not_mining", 3: "unsure"}, (
        "mining is rare: one is not enough"
    )
    assert TileProgress.objects.get(segmented_tile=segmented_tile).votes == 1
    entry = AuditEntry.objects.get(verb="labels.submitted")
    assert (entry.actor, entry.object_id, entry.details["labels"]) == (alice, body["id"], 3)


def test_sending_twice_is_as_good_as_once(alice: User, segmented_tile: Any, client_of: Callable) -> None:
    client = client_of(alice)
    body = content(segmented_tile, (1, "mining"), (2, "unsure"))
    first = send(client, body)
    body["labels"].reverse()
    second = send(client, body)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert (Submission.objects.count(), Label.objects.count()) == (1, 2)
    assert AuditEntry.objects.filter(verb="labels.submitted").count() == 1
    assert TileProgress.objects.get().votes == 1


def test_another_content_under_the_same_number_is_refused(
    alice: User, maria: User, make_tile: Callable, client_of: Callable
) -> None:
    one, two = make_tile(1).segmented.get(), make_tile(2).segmented.get()
    client, body = client_of(alice), content(one, (1, "mining"))
    send(client, body)
    others = [
        (client, content(one, (1, "not_mining"), id=body["id"])),
        (client, content(one, (1, "mining"), (2, "mining"), id=body["id"])),
        (client, content(two, (1, "mining"), id=body["id"])),
        (client_of(maria), body),
    ]
    for sender, changed in others:
        response = send(sender, changed)
        assert (response.status_code, response.json()["error"]["code"]) == (409, "conflict")
    assert list(Label.objects.values_list("superpixel", "verdict")) == [(1, "mining")]


def test_labelling_a_tile_a_second_time_is_refused(
    alice: User, segmented_tile: Any, client_of: Callable
) -> None:
    client = client_of(alice)
    send(client, content(segmented_tile, (1, "mining")))
    response = send(client, content(segmented_tile, (2, "mining")))
    assert response.status_code == 409
    assert "already labelled" in response.json()["error"]["message"]
    assert Label.objects.count() == 1


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([(99, "mining")], "Superpixel 99 does not exist: this tile has superpixels 1 to"),
        ([(1, "mining"), (1, "unsure")], "Superpixel 1 is labelled twice."),
        ([(1, "digging")], "digging"),
        ([(0, "mining")], "labels.0.superpixel"),
        ([(1, "mining", "snow")], "a look-alike goes with the verdict “not mining” only"),
        ([(1, "not_mining", "moon")], "moon"),
        ([], "say something about at least one superpixel"),
    ],
)
def test_labels_that_do_not_fit_the_tile_are_named_and_nothing_is_written(
    alice: User, segmented_tile: Any, client_of: Callable, labels: list[Any], sentence: str
) -> None:
    response = send(client_of(alice), content(segmented_tile, *labels))
    assert response.status_code == 400
    error = response.json()["error"]
    assert sentence in error["message"]
    assert error["fields"]
    assert (Submission.objects.count(), Consensus.objects.count(), AuditEntry.objects.count()) == (0, 0, 0)


def test_a_tile_that_is_not_there_and_a_body_that_is_no_json(alice: User, client_of: Callable) -> None:
    client = client_of(alice)
    response = client.post(
        SUBMIT,
        {"id": str(uuid4()), "segmented_tile": 12345, "labels": [{"superpixel": 1, "verdict": "mining"}]},
        content_type="application/json",
    )
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")
    assert client.post(SUBMIT, "{", content_type="application/json").status_code == 400
    assert client.get("/api/desk/tiles/12345/").status_code == 404
    assert ask(client, region="nowhere").status_code == 404
    assert ask(client, held=[1, "x"]).status_code == 400


@pytest.mark.parametrize("method", ["next", "submit", "withdraw", "tile"])
def test_strangers_are_refused(client: Client, segmented_tile: Any, method: str) -> None:
    answer = {
        "next": lambda: ask(client),
        "submit": lambda: send(client, content(segmented_tile, (1, "mining"))),
        "withdraw": lambda: withdraw(client, str(uuid4())),
        "tile": lambda: client.get(f"/api/desk/tiles/{segmented_tile.pk}/"),
    }[method]()
    assert answer.status_code == 403
    assert answer.json()["error"]["message"]
    assert Submission.objects.count() == 0


def test_strangers_are_led_to_the_login_page(client: Client, db: None) -> None:
    for address in ("/label/", "/label/mine/"):
        response = client.get(address)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/account/login/")


def test_a_post_without_the_sites_token_is_refused(alice: User, segmented_tile: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert send(client, content(segmented_tile, (1, "mining"))).status_code == 403
    assert Submission.objects.count() == 0


def test_alice_takes_her_labels_back_and_the_tile_is_open_to_her_again(
    alice: User, maria: User, segmented_tile: Any, client_of: Callable
) -> None:
    client = client_of(alice)
    body = content(segmented_tile, (1, "mining"), (2, "mining"))
    send(client, body)
    send(client_of(maria), content(segmented_tile, (1, "not_mining")))
    assert consensus(segmented_tile) == {1: "not_mining", 2: "unsure"}, "of two who differ the commoner class"
    assert ask(client).json()["tile"] is None
    for _ in range(2):
        response = withdraw(client, body["id"])
        assert response.status_code == 200
        assert response.json()["submission"]["withdrawn_at"]
        assert response.json()["session"] == {"tiles_today": 0, "tiles_total": 0}
    assert consensus(segmented_tile) == {1: "not_mining"}
    assert TileProgress.objects.get().votes == 1
    assert Label.objects.count() == 3, "labels are never deleted"
    assert AuditEntry.objects.filter(verb="labels.withdrawn").count() == 1
    assert ask(client).json()["tile"]["segmented_tile"] == segmented_tile.pk
    assert send(client, content(segmented_tile, (1, "not_mining"))).status_code == 201
    assert TileProgress.objects.get().votes == 2


def test_a_late_copy_of_a_withdrawn_submission_does_not_bring_it_back(
    alice: User, segmented_tile: Any, client_of: Callable
) -> None:
    client, body = client_of(alice), content(segmented_tile, (1, "mining"))
    send(client, body)
    withdraw(client, body["id"])
    late = send(client, body)
    assert late.status_code == 201
    assert late.json()["submission"]["withdrawn_at"]
    assert consensus(segmented_tile) == {}


def test_nobody_takes_back_what_another_said(
    alice: User, maria: User, segmented_tile: Any, client_of: Callable
) -> None:
    body = content(segmented_tile, (1, "mining"))
    send(client_of(alice), body)
    assert withdraw(client_of(maria), body["id"]).status_code == 404
    assert withdraw(client_of(maria), str(uuid4())).status_code == 404
    assert Submission.objects.counting().count() == 1


def test_nobody_gets_a_tile_twice_and_the_most_useful_comes_first(
    alice: User, maria: User, make_tile: Callable, client_of: Callable
) -> None:
    tiles = [make_tile(seed).segmented.get() for seed in (1, 2, 3)]
    queue = TileProgress.objects.all()
    queue.update(priority=0.5)
    queue.filter(segmented_tile=tiles[2]).update(priority=0.9)
    rerank(queue)
    seen = []
    client = client_of(alice)
    while (tile := ask(client).json()["tile"]) is not None:
        seen.append(tile["segmented_tile"])
        send(client, content(SegmentedTile.objects.get(pk=seen[-1]), (1, "mining")))
    assert seen == [tiles[2].pk, tiles[0].pk, tiles[1].pk]
    assert ask(client).json()["reason"] == "all_labelled"
    # Every tile wants a second vote now; the product of priority and votes still wanted decides.
    assert ask(client_of(maria)).json()["tile"]["segmented_tile"] == tiles[2].pk


def test_tiles_the_client_holds_are_not_served_again(
    alice: User, make_tile: Callable, client_of: Callable
) -> None:
    one, two = (make_tile(seed).segmented.get().pk for seed in (1, 2))
    client = client_of(alice)
    assert ask(client, held=[one]).json()["tile"]["segmented_tile"] == two
    assert ask(client, held=[one, two]).json()["tile"] is None


def test_a_tile_that_has_its_votes_is_not_served_and_its_link_says_so(
    alice: User, make_tile: Callable, client_of: Callable
) -> None:
    full, fresh = (make_tile(seed).segmented.get() for seed in (1, 2))
    TileProgress.objects.filter(segmented_tile=full).update(votes=2, free=0, rank=0)
    client = client_of(alice)
    assert ask(client).json()["tile"]["segmented_tile"] == fresh.pk
    assert ask(client, held=[fresh.pk]).json()["tile"] is None
    linked = client.get(f"/api/desk/tiles/{full.pk}/").json()["tile"]
    assert (linked["counts"], linked["lease_until"]) == (False, None)


def test_crops_and_other_regions_are_not_served(
    alice: User, region: Any, source: Any, make_tile: Callable, client_of: Callable
) -> None:
    from detection.models import Region

    client = client_of(alice)
    make_tile(1, kind="crop")
    assert ask(client).json()["reason"] == "no_tiles"
    tile = make_tile(2).segmented.get()
    crop = make_tile(3, kind="crop").segmented.get()
    Region.objects.create(name="Elsewhere", slug="elsewhere", source=source)
    assert ask(client, region="elsewhere").json()["tile"] is None
    assert ask(client, region=region.slug).json()["tile"]["segmented_tile"] == tile.pk
    assert send(client, content(crop, (1, "mining"))).status_code == 404


def test_a_link_to_a_tile_shows_alice_her_own_labels_only(
    alice: User, maria: User, segmented_tile: Any, client_of: Callable
) -> None:
    body = content(segmented_tile, (2, "not_mining", "snow"))
    send(client_of(alice), body)
    address = f"/api/desk/tiles/{segmented_tile.pk}/"
    assert client_of(alice).get(address).json()["tile"]["mine"] == {
        "submission": body["id"],
        "labels": [{"superpixel": 2, "piece": 0, "verdict": "not_mining", "look_alike": "snow"}],
    }
    assert client_of(maria).get(address).json()["tile"]["mine"] is None


def test_an_experts_decision_settles_what_volunteers_said(
    alice: User, maria: User, bob: User, segmented_tile: Any, client_of: Callable
) -> None:
    for volunteer in (alice, maria):
        send(client_of(volunteer), content(segmented_tile, (1, "mining"), (2, "mining")))
    labels = [{"superpixel": 1, "verdict": "not_mining", "look_alike": "sand_pit"}]
    expert_labels(segmented_tile=segmented_tile, labels=labels, acting_user=bob, origin="report")
    settled = Consensus.objects.get(segmented_tile=segmented_tile, superpixel=1)
    assert (settled.verdict, settled.look_alike, settled.by_expert) == ("not_mining", "sand_pit", True)
    assert (settled.votes, settled.agreeing) == (3, 1)
    assert consensus(segmented_tile)[2] == "mining"
    assert TileProgress.objects.get().votes == 2, "an expert's decision is not a volunteer's vote"
    assert withdraw(client_of(bob), str(Submission.objects.get(origin="report").pk)).status_code == 400
    with pytest.raises(NotAllowed):
        expert_labels(segmented_tile=segmented_tile, labels=labels, acting_user=alice, origin="review")


def test_the_number_of_queries_does_not_grow_with_tiles_and_labels(
    alice: User, maria: User, make_tile: Callable, client_of: Callable
) -> None:
    client = client_of(alice)

    def queries(do: Callable[[], Any]) -> int:
        with CaptureQueriesContext(connection) as seen:
            do()
        return len(seen)

    first = make_tile(1).segmented.get()
    few = queries(lambda: ask(client, region="testshire"))
    few_sent = queries(lambda: send(client, content(first, (1, "mining"))))
    tiles = [make_tile(seed).segmented.get() for seed in range(2, 8)]
    for tile in tiles[1:]:
        send(client_of(maria), content(tile, (1, "mining")))
    everything = [(number, "mining") for number in range(1, tiles[0].superpixels + 1)]
    many = queries(lambda: ask(client, region="testshire"))
    many_sent = queries(lambda: send(client, content(tiles[0], *everything)))
    assert many <= few <= 26
    assert many_sent <= few_sent <= 42


def test_someone_who_sends_too_fast_is_slowed_down(
    alice: User, segmented_tile: Any, client_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labeling.desk.serializers import DeskThrottle

    monkeypatch.setattr(DeskThrottle, "rate", "2/min")
    client = client_of(alice)
    answers = [ask(client) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["error"]["code"] == "throttled"
    assert int(answers[2].headers["Retry-After"]) > 0


def test_alices_own_page_shows_her_tiles_and_how_she_agrees(
    alice: User, maria: User, make_tile: Callable, client_of: Callable
) -> None:
    client = client_of(alice)
    assert "You have not labelled a tile yet" in client.get("/label/mine/").content.decode()
    tile = make_tile(1).segmented.get()
    send(client, content(tile, (1, "mining"), (2, "mining"), (3, "mining")))
    for name in ("nina", "petro"):
        helper = User.objects.create_user(username=name, password="x")
        send(client_of(helper), content(tile, (1, "mining"), (2, "not_mining")))
    page = client.get("/label/mine/").content.decode()
    assert "50%" in page, "of two superpixels that others labelled too, one agrees"
    assert f"/label/?tile={tile.pk}" in page
    assert f"/label/?tile={tile.pk}" not in client_of(maria).get("/label/mine/").content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", ["the same id", "another id"])
def test_two_sends_at_the_same_moment_count_once(
    alice: User, segmented_tile: Any, client_of: Callable, same: str
) -> None:
    """Eight threads send Alice's labels of one tile at once, as a nervous client with two tabs would."""
    number, start = uuid4(), threading.Barrier(8)
    answers: list[int] = []

    def go() -> None:
        client = client_of(alice)
        body = content(
            segmented_tile, (1, "mining"), (2, "unsure"), id=number if same == "the same id" else None
        )
        start.wait()
        answers.append(send(client, body).status_code)
        connections.close_all()

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ([201] * 8 if same == "the same id" else [201] + [409] * 7)
    assert (Submission.objects.count(), Label.objects.count()) == (1, 2)
    assert TileProgress.objects.get().votes == 1


@pytest.mark.django_db(transaction=True)
def test_people_who_label_a_tile_at_the_same_moment_all_count(
    segmented_tile: Any, client_of: Callable
) -> None:
    people = [User.objects.create_user(username=f"person{n}", password="x") for n in range(6)]
    start = threading.Barrier(6)

    def go(person: User, verdict: str) -> None:
        client = client_of(person)
        start.wait()
        assert send(client, content(segmented_tile, (1, verdict))).status_code == 201
        connections.close_all()

    threads = [
        threading.Thread(target=go, args=(person, "mining" if n < 4 else "not_mining"))
        for n, person in enumerate(people)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    progress = TileProgress.objects.get()
    agreed = Consensus.objects.get(superpixel=1)
    counting = Submission.objects.counting().count()
    assert Submission.objects.count() == 6, "no label is lost"
    assert progress.votes == counting == agreed.votes <= progress.wanted
    assert agreed.agreeing >= 2
