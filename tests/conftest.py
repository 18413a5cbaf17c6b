"""Named people and small grounds that every test can stand on.

Alice is a volunteer, Bob and Dora are experts, Carol is an admin. Everything the site writes goes to a
directory that ends with the test.
"""

import datetime as dt
import functools
import hashlib
import io
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import numpy as np
import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import translation
from PIL import Image

from tests.findings import make_classifier, make_run
from tests.kept import keep
from tests.paths import SHARED
from tests.pits import drawn_crops, store_tiles, told
from tests.published import found_on, publish_all

# Files that take the longest begin: begun last, one of them would keep one core busy while the other has nothing left.
LONGEST = (
    "test_story.py",
    "test_campaign_story.py",
    "test_unkillable.py",
    "test_volunteers_at_once.py",
    "test_resnet50.py",
    "test_run_sh.py",
    "test_server_killed.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(scope="session")
def migrated(request: pytest.FixtureRequest) -> Path | None:
    """Where an earlier run left the SQLite database as the very same migrations make it; None: nothing is kept."""
    cache = getattr(request.config, "cache", None)
    if cache is None or connection.vendor != "sqlite":
        return None
    digest = hashlib.sha256(django.__version__.encode())
    for app in apps.get_app_configs():
        for file in sorted(Path(app.path, "migrations").glob("*.py")):
            digest.update(file.read_bytes())
    return Path(cache.mkdir("migrated")) / f"{digest.hexdigest()}.sqlite3"


@pytest.fixture(scope="session")
def django_db_keepdb(migrated: Path | None, django_db_modify_db_settings: None) -> bool:
    """Every process begins with a copy: migrating takes seconds."""
    if migrated is None or not migrated.exists():
        return False
    shutil.copyfile(migrated, connection.settings_dict["TEST"]["NAME"])
    return True


@pytest.fixture(scope="session")
def django_db_setup(
    migrated: Path | None, django_db_keepdb: bool, django_db_setup: None, django_db_blocker: Any
) -> Iterator[None]:
    if migrated is not None and not django_db_keepdb:
        half = migrated.with_name(f"{os.getpid()}.part")
        with django_db_blocker.unblock():
            connection.cursor().execute("VACUUM INTO %s", [str(half)])
        for outdated in migrated.parent.glob("*.sqlite3"):
            outdated.unlink(missing_ok=True)
        half.replace(migrated)
    yield
    if django_db_keepdb:  # otherwise Django itself has removed it
        connection.close()
        copy = Path(connection.settings_dict["TEST"]["NAME"])
        for file in copy.parent.glob(f"{copy.name}*"):
            file.unlink()


@pytest.fixture(autouse=True)
def home(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """Local files under a directory of the test's own; the language of a reader whom nobody has asked."""
    translation.deactivate()
    settings.HOME = tmp_path
    # What needs no network is read in a tenth of the time; a test of the site's own choice names it.
    settings.AMBER = {**settings.AMBER, "AMBER_EXTRACTOR": "texture"}
    settings.FEATURE_STORE = tmp_path / "features"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "storage", "allow_overwrite": True},
        },
    }
    cache.clear()
    yield tmp_path


@pytest.fixture(autouse=True)
def no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the queue leaves to chance happens only where it must: with a share of 1."""
    monkeypatch.setattr("labeling.desk.queue.drawn", lambda share: share >= 1)


@pytest.fixture
def shared_data() -> Path:
    """The real tiles and crops; tests that need them are skipped by name where they are not."""
    if not (SHARED / "crops").is_dir():
        pytest.skip("the shared data (../shared/data) is not on this machine")
    return SHARED


# Named rows have numbers of their own, far from those that others get: what is kept of them (tests/kept.py) fits again.
PEOPLE = {"alice": 1_000_000, "bob": 2_000_000, "carol": 3_000_000, "dora": 4_000_000}
TESTSHIRE = 1_000_000


def _person(username: str, role: str) -> Any:
    from amberapp.models import User

    return User.objects.create_user(
        id=PEOPLE[username], username=username, password=f"{username}-password", role=role
    )


@pytest.fixture
def alice(db: None) -> Any:
    return _person("alice", "volunteer")


@pytest.fixture
def bob(db: None) -> Any:
    return _person("bob", "expert")


@pytest.fixture
def dora(db: None) -> Any:
    return _person("dora", "expert")


@pytest.fixture
def carol(db: None) -> Any:
    return _person("carol", "admin")


@pytest.fixture
def client_of() -> Callable[[Any], Client]:
    """A browser-like client in which that person is logged in."""

    def make(person: Any) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return make


@pytest.fixture
def source(db: None) -> Any:
    from detection.models import ImagerySource

    return ImagerySource.objects.create(
        id=TESTSHIRE, name="Test imagery", attribution="made by the tests", may_publish=True, synthetic=True
    )


@pytest.fixture
def region(source: Any) -> Any:
    from detection.models import Region

    box = [[26.0, 51.0], [27.0, 51.0], [27.0, 52.0], [26.0, 52.0], [26.0, 51.0]]
    return Region.objects.create(
        id=TESTSHIRE,
        name="Testshire",
        slug="testshire",
        source=source,
        polygon={"type": "Polygon", "coordinates": [box]},
    )


@functools.cache
def picture(seed: int = 0, size: int = 200) -> bytes:
    """A small JPEG with four differently coloured quarters and some grain."""
    random = np.random.default_rng(seed)
    quarters = random.integers(40, 200, (2, 2, 3))
    pixels = quarters.repeat(size // 2, axis=0).repeat(size // 2, axis=1)
    pixels = np.clip(pixels + random.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=92)
    return buffer.getvalue()


@functools.cache
def cut_picture(data: bytes) -> Any:
    """A picture's superpixels in the segmentation that new work uses."""
    from detection.description.segment import cut
    from detection.imagery.decode import read_image
    from detection.segmentation.slic import SlicParameters

    return cut(read_image(data), SlicParameters())


@pytest.fixture
def make_tile(region: Any) -> Callable[..., Any]:
    """A tile of the region with its raster, features not yet extracted."""

    def make(
        seed: int = 0, *, latitude: float | None = 51.5, longitude: float | None = 26.5, **fields: Any
    ) -> Any:
        from amberapp import storage
        from detection.description.segment import default_segmentation, put_files
        from detection.models import SegmentedTile, Tile

        data = picture(seed)
        values: dict[str, Any] = {
            "file_name": f"tile-{seed}.jpg",
            "capture_date": dt.date(2015, 10, 5),
            "width": 200,
            "height": 200,
        }
        if latitude is not None and longitude is not None:
            east = longitude + seed * 0.002
            values |= {
                "latitude": latitude,
                "longitude": east,
                "west": east - 0.0005,
                "east": east + 0.0005,
                "south": latitude - 0.0004,
                "north": latitude + 0.0004,
                "ground_sample_distance": 0.37,
            }
        tile = Tile.objects.create(
            region=region,
            source=region.source,
            sha256=storage.sha256_of(data),
            image_key=storage.put(storage.content_key("images", data, ".jpg"), data),
            **(values | fields),
        )
        SegmentedTile.objects.create(
            tile=tile, segmentation=default_segmentation(), **put_files(cut_picture(data))
        )
        return tile

    return make


@pytest.fixture
def segmented_tile(make_tile: Callable[..., Any]) -> Any:
    return make_tile(1).segmented.get()


@pytest.fixture
def tiles(make_tile: Callable[..., Any]) -> list[Any]:
    """Three tiles in a row, the first at 26.502° E."""
    return [make_tile(number) for number in (1, 2, 3)]


@pytest.fixture
def classifier(region: Any) -> Any:
    """Testshire's active classifier; no model is behind it."""
    return make_classifier(region)


@pytest.fixture
def run(classifier: Any, tiles: list[Any]) -> Any:
    """A finished run that marks all three tiles."""
    return make_run(classifier, tiles)


@pytest.fixture
def detection(run: Any) -> Any:
    return run.detections.first()


@pytest.fixture
def found(region: Any, make_tile: Callable[..., Any], home: Path) -> Any:
    """A finished run that scored and marked three tiles, the first at 26.5° E; nobody has judged them."""
    keep("found", home, lambda: found_on(region, [make_tile(number) for number in range(3)]))
    return region.runs.get()


@pytest.fixture
def release(found: Any, bob: Any, carol: Any, home: Path) -> Any:
    """Release 1 of Testshire: the three places of `found`, approved by Bob, published by Carol."""
    keep("release", home, lambda: publish_all(found, bob, carol))
    return found.releases.get()


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    for kind in ("positive", "negative"):
        (tmp_path / "crops" / kind).mkdir(parents=True)
    for path, data in drawn_crops().items():
        (tmp_path / "crops" / path).write_bytes(data)
    return tmp_path / "crops"


@pytest.fixture
def trained(region: Any, crops: Path, home: Path) -> Any:
    from detection.models import Classifier

    def train() -> None:
        told("import_crops", str(crops), "--region", region.name)
        told("train", "--region", region.name)

    keep("trained", home, train)
    return Classifier.objects.get()


@pytest.fixture
def dug_tiles(trained: Any, home: Path) -> list[Any]:
    """Four tiles: two full of pits, one meadow, one whose stored image has been lost."""
    keep("dug tiles", home, lambda: store_tiles(trained.region))
    return list(trained.region.tiles.filter(kind="tile").order_by("id"))


@pytest.fixture
def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
