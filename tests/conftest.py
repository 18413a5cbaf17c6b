"""Named people and small grounds that every test can stand on.

Alice is a volunteer, Bob and Dora are experts, Carol is an admin. Everything the site writes goes to a
directory that ends with the test.
"""

import datetime as dt
import io
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import translation
from PIL import Image

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

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(autouse=True)
def home(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """Local files under a directory of the test's own; the language of a reader whom nobody has asked."""
    translation.deactivate()
    settings.HOME = tmp_path
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


def _person(username: str, role: str) -> Any:
    from amberapp.models import User

    return User.objects.create_user(username=username, password=f"{username}-password", role=role)


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
        name="Test imagery", attribution="made by the tests", may_publish=True, synthetic=True
    )


@pytest.fixture
def region(source: Any) -> Any:
    from detection.models import Region

    box = [[26.0, 51.0], [27.0, 51.0], [27.0, 52.0], [26.0, 52.0], [26.0, 51.0]]
    return Region.objects.create(
        name="Testshire", slug="testshire", source=source, polygon={"type": "Polygon", "coordinates": [box]}
    )


def picture(seed: int = 0, size: int = 200) -> bytes:
    """A small JPEG with four differently coloured quarters and some grain."""
    random = np.random.default_rng(seed)
    quarters = random.integers(40, 200, (2, 2, 3))
    pixels = quarters.repeat(size // 2, axis=0).repeat(size // 2, axis=1)
    pixels = np.clip(pixels + random.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=92)
    return buffer.getvalue()


@pytest.fixture
def make_tile(region: Any) -> Callable[..., Any]:
    """A tile of the region with its raster, features not yet extracted."""

    def make(
        seed: int = 0, *, latitude: float | None = 51.5, longitude: float | None = 26.5, **fields: Any
    ) -> Any:
        from amberapp import storage
        from detection.description.segment import default_segmentation, segment_tile
        from detection.models import Tile

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
        segment_tile(tile, default_segmentation())
        return tile

    return make


@pytest.fixture
def segmented_tile(make_tile: Callable[..., Any]) -> Any:
    return make_tile(1).segmented.get()


@pytest.fixture
def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
