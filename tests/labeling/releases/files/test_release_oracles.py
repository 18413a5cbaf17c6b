"""Programs that others wrote read what a release writes: GDAL (pyogrio), pmtiles and mapbox-vector-tile."""

import csv
import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import numpy as np
import pyogrio.raw
import pytest
import shapely
from pmtiles.reader import Reader, all_tiles
from pmtiles.tile import Compression, TileType
from shapely.geometry import MultiPolygon, Polygon, box, mapping, shape

from labeling.releases.files.content import Content, OutlinedPlace, in_order
from labeling.releases.files.mvt import EXTENT
from labeling.releases.files.tiles import LAYER, ZOOMS
from labeling.releases.files.writers import build
from tests.labeling.releases.files.full import full_content
from tests.labeling.releases.files.test_release_files import content, place
from tests.labeling.releases.files.test_release_tiles import made_places

STEP = (
    360 / 2 ** (ZOOMS.stop - 1) / EXTENT
)  # degrees of longitude in one step of a tile's grid, at the last zoom


def told_content() -> Content:
    """Places as the machine draws them, one of two parts with a hole, and those with everything that may be missing."""
    ring = box(28.0, 51.5, 28.004, 51.502)
    hole = box(28.001, 51.5005, 28.003, 51.5015)
    parts = MultiPolygon(
        [Polygon(ring.exterior.coords, [hole.exterior.coords]), box(28.0045, 51.5, 28.005, 51.501)]
    )
    whole = full_content()
    more = [*made_places(40), place("ff" * 8, west=28.0, outline=mapping(parts), capture_date=None)]
    return content(
        [*whole.places, *more],
        districts=whole.districts,
        names=whole.names,
        labels=whole.labels,
        taken=whole.taken,
    )


@pytest.fixture(scope="module")
def released() -> Content:
    return told_content()


@pytest.fixture(scope="module")
def folder(released: Content, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release's files on a disk, as somebody has downloaded them."""
    folder = tmp_path_factory.mktemp("release")
    for file in build(released).files:
        (folder / file.name).write_bytes(file.read())
    return folder


@pytest.fixture(scope="module")
def places(released: Content) -> list[OutlinedPlace]:
    return in_order(released.places)


# GeoPackage and KML, by GDAL ------------------------------------------------------------------


def read(path: Path, **options: Any) -> tuple[dict[str, Any], list[shapely.Geometry], dict[str, list[Any]]]:
    """(what GDAL tells of the layer, outlines, column → values)."""
    about, _fids, blobs, columns = pyogrio.raw.read(path, **options)
    values = {
        name: [None if value != value else value for value in column.tolist()]
        for name, column in zip(about["fields"], columns, strict=True)
    }
    return about, list(shapely.from_wkb(blobs)), values


def day(value: Any) -> str | None:
    return value.isoformat() if value else None


def test_gdal_reads_every_row_of_the_geopackage(folder: Path, places: list[OutlinedPlace]) -> None:
    path = folder / "places.gpkg"
    assert pyogrio.list_layers(path).tolist() == [["places", "MultiPolygon"]]
    about, outlines, columns = read(path, layer="places")
    assert (about["crs"], about["geometry_type"], len(outlines)) == ("EPSG:4326", "MultiPolygon", len(places))
    assert columns["place"] == [one.place for one in places]
    for drawn, one in zip(outlines, places, strict=True):
        assert drawn.equals_exact(one.outline, 1e-9), one.place
        assert len(drawn.geoms) == len(one.outline.geoms)
    assert columns["hectares"] == pytest.approx([one.hectares for one in places])
    assert columns["score"] == pytest.approx([one.score for one in places])
    centres = list(zip(columns["latitude"], columns["longitude"], strict=True))
    assert np.allclose(centres, [(one.latitude, one.longitude) for one in places])
    with (folder / "places.csv").open(encoding="utf-8-sig", newline="") as file:
        districts = {row["place"]: row["district"] or None for row in csv.DictReader(file)}
    assert columns["district"] == [districts[one.place] for one in places]
    assert set(districts.values()) == {"West", "East", None}
    assert columns["source"] == [one.source for one in places]
    assert columns["superpixels"] == [" ".join(map(str, one.superpixels)) for one in places]
    for column, days in (
        ("capture_date", [one.capture_date for one in places]),
        ("reviewed", [one.reviewed for one in places]),
    ):
        assert [day(value) for value in columns[column]] == days
    assert None in columns["capture_date"], "an image without a date"


def test_gdal_knows_the_extent_of_the_geopackage_and_finds_places_by_ground(
    folder: Path, places: list[OutlinedPlace]
) -> None:
    path = folder / "places.gpkg"
    about = pyogrio.read_info(path, layer="places", force_total_bounds=True)
    assert about["features"] == len(places)
    assert about["total_bounds"] == pytest.approx(shapely.total_bounds([one.outline for one in places]))
    window = (27.9, 51.4, 28.1, 51.6)
    _about, outlines, columns = read(path, bbox=window)
    assert columns["place"] == ["ff" * 8]
    assert len(outlines[0].geoms) == 2
    assert sum(len(part.interiors) for part in outlines[0].geoms) == 1
    _about, _outlines, columns = read(path, where="capture_date IS NULL")
    assert columns["place"] == [one.place for one in places if one.capture_date is None]


def test_gdal_reads_the_kml_and_the_geojson_as_the_same_ground(
    folder: Path, places: list[OutlinedPlace]
) -> None:
    """Coordinates of both have six decimals, as those of a place."""
    for name in ("places.kml", "places.geojson"):
        about, _numbers, blobs, (names,) = pyogrio.raw.read(folder / name, columns=["place"])
        assert (about["crs"], len(names)) == ("EPSG:4326", len(places)), name
        by_name = dict(zip(names, shapely.from_wkb(blobs), strict=True))
        for one in places:
            assert shapely.force_2d(by_name[one.place]).equals(one.outline), (name, one.place)


# Vector tiles in one file ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def get_bytes(folder: Path) -> Callable[[int, int], bytes]:
    data = (folder / "places.pmtiles").read_bytes()
    return lambda offset, length: data[offset : offset + length]


def decoded(packed: bytes) -> list[dict[str, Any]]:
    """The features of a tile as mapbox-vector-tile reads them, y down as they are written."""
    layers = mapbox_vector_tile.decode(gzip.decompress(packed), default_options={"y_coord_down": True})
    assert set(layers) == {LAYER}
    assert (layers[LAYER]["extent"], layers[LAYER]["version"]) == (EXTENT, 2)
    return list(layers[LAYER]["features"])


def in_degrees(geometry: dict[str, Any], zoom: int, column: int, row: int) -> shapely.Geometry:
    """From the grid of a tile to longitude and latitude."""

    def turn(points: np.ndarray) -> np.ndarray:
        x, y = ((points / EXTENT + (column, row)) / 2**zoom).T
        return np.column_stack([x * 360 - 180, np.degrees(np.arctan(np.sinh(math.pi * (1 - 2 * y))))])

    return shapely.transform(shape(geometry), turn)


def test_pmtiles_reads_the_head_of_the_archive(
    get_bytes: Callable[[int, int], bytes], places: list[OutlinedPlace]
) -> None:
    head = Reader(get_bytes).header()
    assert (head["version"], head["min_zoom"], head["max_zoom"]) == (3, ZOOMS.start, ZOOMS.stop - 1)
    assert (head["tile_type"], head["tile_compression"]) == (TileType.MVT, Compression.GZIP)
    assert head["clustered"]
    told = [head[f"{side}_e7"] / 1e7 for side in ("min_lon", "min_lat", "max_lon", "max_lat")]
    assert told == pytest.approx(shapely.total_bounds([one.outline for one in places]), abs=1e-7)
    about = Reader(get_bytes).metadata()
    assert about["name"] == "Testshire"
    (layer,) = about["vector_layers"]
    assert (layer["id"], layer["minzoom"], layer["maxzoom"]) == (LAYER, ZOOMS.start, ZOOMS.stop - 1)
    assert set(layer["fields"]) == {"place", "hectares", "score", "date", "year"}
    addressed = list(all_tiles(get_bytes))
    assert len(addressed) == head["addressed_tiles_count"]
    for cell, data in addressed:
        assert Reader(get_bytes).get(*cell) == data
    assert Reader(get_bytes).get(14, 0, 0) is None, "where no place is there is no tile"


def test_mapbox_vector_tile_finds_every_place_at_every_zoom_with_what_is_told_of_it(
    get_bytes: Callable[[int, int], bytes], places: list[OutlinedPlace]
) -> None:
    found: dict[int, dict[str, dict[str, Any]]] = {zoom: {} for zoom in ZOOMS}
    for (zoom, _column, _row), data in all_tiles(get_bytes):
        for feature in decoded(data):
            assert feature["geometry"]["type"] in {"Polygon", "MultiPolygon"}
            assert shape(feature["geometry"]).is_valid
            told = feature["properties"]
            assert found[zoom].setdefault(told["place"], told) == told, "the same on both sides of a seam"
    expected = {
        one.place: {
            "place": one.place,
            "hectares": pytest.approx(one.hectares),
            "score": pytest.approx(one.score),
            **({"date": one.capture_date, "year": one.year} if one.capture_date else {}),
        }
        for one in places
    }
    for zoom in ZOOMS:
        assert found[zoom] == expected, zoom


def test_the_outlines_of_the_last_zoom_are_the_places_to_a_step_of_the_grid(
    get_bytes: Callable[[int, int], bytes], places: list[OutlinedPlace]
) -> None:
    parts: dict[str, list[shapely.Geometry]] = {}
    for (zoom, column, row), data in all_tiles(get_bytes):
        if zoom == ZOOMS.stop - 1:
            for feature in decoded(data):
                drawn = in_degrees(feature["geometry"], zoom, column, row)
                parts.setdefault(feature["properties"]["place"], []).append(drawn)
    assert len(parts) == len(places)
    for one in places:
        drawn = shapely.union_all(parts[one.place])
        # A corner is rounded to the next step in either direction; slivers between two steps may close.
        assert drawn.difference(one.outline.buffer(1.5 * STEP)).is_empty, one.place
        assert one.outline.buffer(-1.5 * STEP).difference(drawn).is_empty, one.place


def test_gdal_opens_the_archive_itself(folder: Path, places: list[OutlinedPlace]) -> None:
    path = folder / "places.pmtiles"
    assert pyogrio.list_layers(path)[:, 0].tolist() == [LAYER]
    about, _outlines, columns = read(path)
    assert about["crs"] == "EPSG:3857"
    assert set(columns["place"]) == {one.place for one in places}


def test_an_empty_map_is_read_as_one(tmp_path: Path) -> None:
    empty = {file.name: file.read() for file in build(content([])).files}
    (tmp_path / "places.gpkg").write_bytes(empty["places.gpkg"])
    about = pyogrio.read_info(tmp_path / "places.gpkg")
    assert (about["features"], about["geometry_type"]) == (0, "MultiPolygon")
    data = empty["places.pmtiles"]
    ((_cell, packed),) = all_tiles(lambda offset, length: data[offset : offset + length])
    assert mapbox_vector_tile.decode(gzip.decompress(packed))[LAYER]["features"] == []
    assert json.loads(empty["places.geojson"])["features"] == []
