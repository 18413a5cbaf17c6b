"""GeoPackage: the outlines of a release as one SQLite file for QGIS and other GIS. Pure: no Django.

Source: OGC 12-128r19, GeoPackage 1.4 (https://www.geopackage.org/spec140/). Written with the standard library and the
same, byte for byte, from the same content: the page size is fixed, no clock is read, and the header's fields that name
the SQLite library and count changes are set to constants. Left out: spatial index, raster tiles, metadata tables.
"""

import sqlite3
import struct
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import MultiPolygon

from labeling.releases.files.content import Content, OutlinedPlace, in_order
from labeling.releases.files.statistics import bounds_around

APPLICATION_ID = 0x47504B47  # "GPKG"
USER_VERSION = 10400
PAGE = 4096
TABLE = "places"
# The day of the newest image or review stands for the time of the last change; without any, this one.
NO_DAY = "2015-01-01"
# What the header says of the library that wrote the file, whichever it was.
SQLITE_VERSION = 3_040_001
WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AXIS["Latitude",NORTH],AXIS["Longitude",EAST],'
    'AUTHORITY["EPSG","4326"]]'
)
TABLES = f"""
CREATE TABLE gpkg_spatial_ref_sys (
  srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (
  table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE, description TEXT DEFAULT '',
  last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL,
  z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name), CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
CREATE TABLE {TABLE} (
  fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom MULTIPOLYGON, place TEXT NOT NULL, latitude DOUBLE,
  longitude DOUBLE, hectares DOUBLE, score DOUBLE, capture_date DATE, district TEXT, superpixels TEXT, source TEXT,
  reviewed DATE, corrected BOOLEAN);
"""


def geopackage(content: Content) -> Iterator[bytes]:
    """One table “places” of multipolygons in WGS 84 degrees, sorted by place; the file in parts.

    Written to a temporary file, because it may be larger than what one likes to hold in memory.
    """
    with tempfile.TemporaryDirectory(prefix="amber-geopackage-") as folder:
        path = Path(folder) / "places.gpkg"
        _write(path, content)
        with path.open("r+b") as file:
            # Change counter, the library's version, and the change for which that version stands (file format 1.3).
            file.seek(24)
            file.write(struct.pack(">I", 1))
            file.seek(92)
            file.write(struct.pack(">II", 1, SQLITE_VERSION))
            file.seek(0)
            while part := file.read(2**20):
                yield part


def _write(path: Path, content: Content) -> None:
    places = in_order(content.places)
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute(f"PRAGMA page_size = {PAGE}")
        database.execute("PRAGMA encoding = 'UTF-8'")
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {USER_VERSION}")
        database.executescript(TABLES)
        database.execute("BEGIN")
        database.executemany(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)",
            [
                ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined", "undefined Cartesian"),
                ("Undefined geographic SRS", 0, "NONE", 0, "undefined", "undefined geographic"),
                ("WGS 84 geodetic", 4326, "EPSG", 4326, WGS84, "longitude and latitude in degrees"),
            ],
        )
        bounds: Sequence[float | None] = [None] * 4
        if places:
            bounds = bounds_around(place.outline.bounds for place in places) or bounds
        database.execute(
            "INSERT INTO gpkg_contents VALUES (?, 'features', ?, ?, ?, ?, ?, ?, ?, 4326)",
            (
                TABLE,
                TABLE,
                f"{content.region['name']}: ground mined for {content.region['mineral']}",
                f"{_last_day(places)}T00:00:00.000Z",
                *bounds,
            ),
        )
        database.execute(
            "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'MULTIPOLYGON', 4326, 0, 0)", (TABLE,)
        )
        database.executemany(  # the table's name is our own constant
            f"INSERT INTO {TABLE} VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (_row(place) for place in places),
        )
        database.execute("COMMIT")
    finally:
        database.close()


def _row(place: OutlinedPlace) -> Sequence[object]:
    return (
        geometry_blob(place.outline),
        place.place,
        place.latitude,
        place.longitude,
        place.hectares,
        place.score,
        place.capture_date,
        place.district or None,
        " ".join(str(number) for number in place.superpixels),
        place.source,
        place.reviewed,
        int(place.corrected),
    )


def geometry_blob(outline: MultiPolygon) -> bytes:
    """GeoPackage's binary geometry (2.1.3): “GP”, version 0, flags little-endian with an xy envelope, then WKB."""
    west, south, east, north = (float(np.round(value, 6)) for value in outline.bounds)
    header = struct.pack("<2sBBi4d", b"GP", 0, 0b0000_0011, 4326, west, east, south, north)
    wkb: bytes = shapely.to_wkb(outline, output_dimension=2, byte_order=1, flavor="iso")
    return header + wkb


def _last_day(places: Sequence[OutlinedPlace]) -> str:
    days = [day for place in places for day in (place.capture_date, place.reviewed) if day]
    return max(days, default=NO_DAY)
