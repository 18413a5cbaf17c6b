"""A map that was published elsewhere comes in with altitudes, islands and slips, and its files say nothing that is false."""

import hashlib
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import shapely
from django.core.management import CommandError, call_command
from shapely.geometry import shape

from labeling.models import Release
from labeling.releases.catalogue import published_numbered

pytestmark = [pytest.mark.django_db]

WEST, SOUTH = 26.3, 51.1


def ring(side: float, *height: float, inset: float = 0.0) -> list[list[float]]:
    low, high = inset, inset + side
    corners = ((low, low), (high, low), (high, high), (low, high), (low, low))
    return [[WEST + x, SOUTH + y, *height] for x, y in corners]


def feature(kind: str, coordinates: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": {}}


def bring_in(path: Path, *features: dict[str, Any]) -> Any:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    options = ["--region=testshire", "--title=Map of 2018", "--date=2018-03-26"]
    call_command("import_historical", str(path), *options, stdout=io.StringIO())
    return published_numbered("testshire", Release.objects.latest("id").number)


def test_altitudes_are_left_behind_in_every_file(region: Any, tmp_path: Path) -> None:
    release = bring_in(tmp_path / "map.geojson", feature("Polygon", [ring(0.1, 150)]))
    (drawn,) = json.loads(release.read("places.geojson"))["features"]
    assert not shapely.has_z(shape(drawn["geometry"]))
    path = tmp_path / "places.gpkg"
    path.write_bytes(release.read("places.gpkg"))
    with sqlite3.connect(path) as database:
        (blob,) = database.execute("SELECT geom FROM places").fetchone()
    outline = shapely.from_wkb(blob[40:])
    assert not shapely.has_z(outline)
    assert outline.area == pytest.approx(0.01)
    assert ",150" not in release.read("places.kml").decode()


def test_a_square_within_a_square_is_ground_and_no_hole(region: Any, tmp_path: Path) -> None:
    nested = feature("MultiPolygon", [[ring(0.1)], [ring(0.02, inset=0.04)]])
    release = bring_in(tmp_path / "map.geojson", nested)
    (drawn,) = json.loads(release.read("places.geojson"))["features"]
    outline = shape(drawn["geometry"])
    assert outline.area == pytest.approx(0.01)
    assert outline.contains(shapely.Point(WEST + 0.05, SOUTH + 0.05))


def test_the_files_it_came_in_are_checked_like_all_others(region: Any, tmp_path: Path) -> None:
    release = bring_in(tmp_path / "map.geojson", feature("Polygon", [ring(0.1)]))
    sums = dict(reversed(line.split("  ")) for line in release.read("SHA256SUMS").decode().splitlines())
    came = release.read("original-1.geojson")
    assert came == (tmp_path / "map.geojson").read_bytes()
    assert sums["original-1.geojson"] == hashlib.sha256(came).hexdigest()
    assert (
        f"{sums['original-1.geojson']}  original-1.geojson: the imported map"
        in release.read("README.txt").decode()
    )


def test_an_imported_map_has_no_model_card(region: Any, tmp_path: Path) -> None:
    release = bring_in(tmp_path / "map.geojson", feature("Polygon", [ring(0.1)]))
    for name in ("SHA256SUMS", "README.txt"):
        assert "model-card" not in release.read(name).decode()


def test_its_readme_tells_nothing_that_only_holds_of_our_own_maps(region: Any, tmp_path: Path) -> None:
    text = bring_in(tmp_path / "map.geojson", feature("Polygon", [ring(0.1)])).read("README.txt").decode()
    assert "It was made elsewhere" in text
    for claim in (
        "follow the superpixels",
        "Areas are measured",
        "rejected by experts",
        "volunteers and experts",
        "searched",
        "The images are",
    ):
        assert claim not in text


def test_a_region_of_unknown_place_takes_no_map_whose_slips_it_could_not_tell(
    region: Any, make_tile: Any, tmp_path: Path
) -> None:
    polygon, region.polygon = region.polygon, None
    region.save()
    slip = feature("Polygon", [[[26.3, 0.0], [26.4, 0.0], [26.4, 0.1], [26.3, 0.0]]])
    with pytest.raises(CommandError, match="draw its outline first"):
        bring_in(tmp_path / "map.geojson", feature("Polygon", [ring(0.1)]), slip)
    assert not Release.objects.exists()
    region.polygon = polygon
    region.save()
    release = bring_in(tmp_path / "map.geojson", feature("Polygon", [ring(0.1)]), slip)
    assert release.statistics["places"] == 1
