"""The demo's regions have place names, so that a visitor of the map finds something by typing a name."""

from typing import Any

import pytest
from shapely.geometry import Point, shape

from amberapp.models import AuditEntry
from detection.ground.regions import create_region
from detection.models import PlaceName, Region
from labeling.demo import content
from labeling.demo.place_names import MADE_UP, TOWNS, name_places

pytestmark = pytest.mark.django_db

REAL = (24.6, 50.1, 29.4, 52.4)


def region_of(source: Any, *box: float) -> Region:
    return create_region(
        name="Ground", polygon=content._box(*box), mineral="amber", source=source, acting_user=None
    )


def test_made_up_ground_has_names_that_say_that_they_are_made_up(source: Any) -> None:
    region = region_of(source, 26.49, 51.48, 26.55, 51.51)
    told = name_places(region, synthetic=True)
    assert told is not None
    assert (told.place_names, told.refused_count, told.outside) == (len(MADE_UP), 0, 0)
    ground = shape(region.polygon)
    for name in region.place_names.all():
        assert ground.contains(Point(name.longitude, name.latitude)), name.name
        assert name.name.startswith("Демо-")
        assert name.names["uk"] == name.name
        assert name.names["en"].startswith("Demo ")
    assert AuditEntry.objects.filter(verb="districts.imported").count() == 1


def test_the_real_region_has_towns_within_it(source: Any) -> None:
    region = region_of(source, *REAL)
    told = name_places(region, synthetic=False)
    assert told is not None
    assert (told.place_names, told.outside) == (len(TOWNS), 0)
    ground = shape(region.polygon)
    assert all(ground.contains(Point(name.longitude, name.latitude)) for name in region.place_names.all())
    assert region.place_names.get(name="Сарни").names == {"uk": "Сарни", "en": "Sarny"}


def test_a_job_that_goes_on_after_a_kill_names_nothing_twice(source: Any) -> None:
    region = region_of(source, *REAL)
    name_places(region, synthetic=False)
    before = PlaceName.objects.count()
    assert name_places(region, synthetic=False) is None
    assert PlaceName.objects.count() == before


def test_the_names_stand_before_the_map_is_published(source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release keeps the names that the region had when it was made."""
    region = region_of(source, *REAL)
    seen: list[int] = []

    def published(*_given: Any) -> None:
        seen.append(region.place_names.count())

    for step in ("_classifier", "_run"):
        monkeypatch.setattr(content, step, lambda *_given: region)
    monkeypatch.setattr(content, "_synthetic_region", lambda _progress: region)
    monkeypatch.setattr(content, "_published", published)
    content.prepare(data=None, progress=lambda *_told: None)
    assert seen == [len(MADE_UP)]
