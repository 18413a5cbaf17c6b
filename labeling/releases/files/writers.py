"""The files of a release as bytes. The same content gives the same bytes, so that anyone can check: with any
libraries where they are text, with the same zlib and Pillow where they are compressed inside (pmtiles, png). Pure: no Django.

For people: places in five formats, statistics, labels (with Label Studio's configuration), README.txt, SHA256SUMS,
preview pictures. For the map:
squares-<level>.json (far out), ground-<column>-<row>.json (close by), places.json (the list), ids.json and names.json
(the search), districts.json. Neither the number nor the time of the release stands in any file: publishing an older
state again gives the older checksums again.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

import shapely
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from detection.geometry import polygons_of
from detection.ground.district_shapes import side_by_side, thinned
from labeling.releases.files.content import Content, OutlinedPlace, in_order
from labeling.releases.files.geopackage import geopackage
from labeling.releases.files.grid import SQUARE_LEVELS, feature, ground, squares, to_bytes
from labeling.releases.files.kml import attributions, kml
from labeling.releases.files.labels import studio_config, temporary, write_labels
from labeling.releases.files.preview import preview
from labeling.releases.files.published_place import INDEX, write_index
from labeling.releases.files.readme import citation, readme
from labeling.releases.files.statistics import districts_of, statistics
from labeling.releases.files.tiles import pmtiles

GEOJSON = "application/geo+json"
JSON = "application/json"
CSV = "text/csv; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
GEOPACKAGE = "application/geopackage+sqlite3"
KML = "application/vnd.google-earth.kml+xml"
PMTILES = "application/vnd.pmtiles"
PNG = "image/png"
XML = "application/xml"
MARKDOWN = "text/markdown; charset=utf-8"
OUTLINES = "places.geojson"
STATISTICS = "statistics.json"
COCO = "labels-coco.json"
NAMES = "names.json"
CARD = ("model-card.md", "model-card.json")
# What is offered for download; the rest are the map's own parts.
DOWNLOADS = (
    OUTLINES,
    "places.gpkg",
    "places.csv",
    "places.kml",
    "places.pmtiles",
    STATISTICS,
    COCO,
    "labels-label-studio.json",
    "label-studio.xml",
    *CARD,
    "README.txt",
    "SHA256SUMS",
)
# The picture for links, by language.
PREVIEWS = {"en": "preview.png", "uk": "preview-uk.png"}
SUMS = "SHA256SUMS"
# What the fingerprint is made of: the map and its figures. Labels and README.txt name it, so they are no part of it.
FINGERPRINTED = (OUTLINES, INDEX, STATISTICS)
COLUMNS = (
    "place",
    "latitude",
    "longitude",
    "hectares",
    "score",
    "capture_date",
    "superpixels",
    "source",
    "reviewed",
    "corrected",
    "district",
)


@dataclass(frozen=True)
class BuiltFile:
    """One file: its bytes, or, where it may be large, an open file in their place (closed by whoever stores it)."""

    name: str
    media_type: str
    data: bytes
    sha256: str = ""
    size: int = -1
    file: IO[bytes] | None = None

    def __post_init__(self) -> None:
        if self.file is None:
            object.__setattr__(self, "sha256", hashlib.sha256(self.data).hexdigest())
            object.__setattr__(self, "size", len(self.data))

    def read(self) -> bytes:
        """All bytes, for those who know that they are few."""
        if self.file is None:
            return self.data
        self.file.seek(0)
        return self.file.read()


@dataclass(frozen=True)
class Built:
    """All files of a release and the statistics that stand in one of them."""

    files: list[BuiltFile]
    statistics: dict[str, Any]


def streamed_file(name: str, media_type: str, file: IO[bytes]) -> BuiltFile:
    """A file that is read in parts: it may be larger than memory."""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    size = file.tell()
    file.seek(0)
    return BuiltFile(name, media_type, b"", digest, size, file)


def in_parts(name: str, media_type: str, parts: Iterable[bytes]) -> BuiltFile:
    file = temporary()
    for part in parts:
        file.write(part)
    return streamed_file(name, media_type, file)


Progress = Callable[[int, int, str], None]
STEPS = 8


def build(content: Content, progress: Progress | None = None, beside: Sequence[BuiltFile] = ()) -> Built:
    """Every file of the release and those `beside` it, sorted by name. Raises ValueError for values that JSON cannot hold."""

    def tell(step: int, name: str) -> None:
        if progress is not None:
            progress(step, STEPS, name)

    content = _prepared(content)
    tell(0, STATISTICS)
    figures = statistics(content)
    tell(1, OUTLINES)
    files = [
        in_parts(OUTLINES, GEOJSON, collection(content)),
        BuiltFile("places.csv", CSV, table(content.places)),
        in_parts("places.kml", KML, kml(content)),
        BuiltFile(STATISTICS, JSON, to_bytes(figures)),
    ]
    tell(2, "squares")
    files += [
        BuiltFile(f"squares-{zoom}.json", JSON, to_bytes(squares(content, zoom))) for zoom in SQUARE_LEVELS
    ]
    tell(3, "ground")
    files += [
        BuiltFile(f"ground-{column}-{row}.json", GEOJSON, part) for (column, row), part in ground(content)
    ]
    files += [
        BuiltFile(INDEX, JSON, to_bytes(write_index(content.places))),
        BuiltFile("ids.json", JSON, to_bytes(ids(content.places))),
        BuiltFile(NAMES, JSON, to_bytes(names(content))),
        BuiltFile("districts.json", JSON, to_bytes(districts(content))),
        *(BuiltFile(name, PNG, preview(content, figures, code)) for code, name in PREVIEWS.items()),
    ]
    for place in content.places:
        place.drawn.forget_texts()
    tell(4, "places.gpkg")
    files.append(in_parts("places.gpkg", GEOPACKAGE, geopackage(content)))
    tell(5, "places.pmtiles")
    files.append(BuiltFile("places.pmtiles", PMTILES, pmtiles(content)))
    tell(6, "labels")
    page = page_of(content, fingerprint_of({file.name: file.sha256 for file in files}))
    cited = citation(figures, content.publisher, page)
    coco, studio = write_labels(
        content.labels() if content.labels is not None else (),
        {
            "description": cited,
            "contributor": attribution(content),
            "version": "1",
            **({"url": page} if page else {}),
        },
        page,
    )
    files += [
        streamed_file(COCO, JSON, coco),
        streamed_file("labels-label-studio.json", JSON, studio),
        BuiltFile("label-studio.xml", XML, studio_config()),
    ]
    if content.card is not None:
        card, text = content.card
        files += [BuiltFile(CARD[0], MARKDOWN, text.encode()), BuiltFile(CARD[1], JSON, to_bytes(card))]
    files += beside
    sums = {file.name: file.sha256 for file in files}
    files.append(BuiltFile("README.txt", TEXT, readme(content, figures, sums, page)))
    files.append(BuiltFile(SUMS, TEXT, checksums(files)))
    tell(7, "storage")
    return Built(sorted(files, key=lambda file: file.name), figures)


def _prepared(content: Content) -> Content:
    """The content in one order, each place with its district, without hectares where they mean nothing."""
    districts = districts_of(content)
    places = [
        replace(
            place,
            district=districts.get(place.place, ""),
            hectares=place.hectares if content.hectares_known else None,
        )
        for place in in_order(content.places)
    ]
    return replace(content, places=places)


def checksums(files: Sequence[BuiltFile]) -> bytes:
    """As sha256sum writes and checks them."""
    return "".join(
        f"{file.sha256}  {file.name}\n" for file in sorted(files, key=lambda file: file.name)
    ).encode()


def fingerprint_of(sums: Mapping[str, str]) -> str:
    """What names a release in addresses that stand in its own files, where its number may not; sums: name → SHA-256.

    The first 16 digits of the SHA-256 of these lines of SHA256SUMS: whoever has the files can work it out.
    """
    lines = "".join(f"{sums[name]}  {name}\n" for name in FINGERPRINTED if name in sums)
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def page_of(content: Content, fingerprint: str) -> str:
    """The permanent address of the release with that fingerprint; empty where the site's own is not known."""
    return f"{content.site}/map/{content.region['slug']}/fingerprint/{fingerprint}/" if content.site else ""


def ids(places: Sequence[OutlinedPlace]) -> dict[str, Any]:
    """[[place, latitude, longitude], …], for the search of a place by the beginning of its name."""
    rows = [[place.place, round(place.latitude, 5), round(place.longitude, 5)] for place in places]
    return {"ids": rows}


def names(content: Content) -> dict[str, Any]:
    """[[name, names by language, latitude, longitude], …] of the points with a name, sorted."""
    rows = [
        [name.name, dict(sorted(name.names.items())), round(name.latitude, 5), round(name.longitude, 5)]
        for name in content.names
    ]
    return {"names": sorted(rows, key=lambda row: (row[0], row[2], row[3]))}


# Degrees, about 50 m: the map draws whole districts.
SIMPLIFY = 0.0005


def districts(content: Content) -> dict[str, Any]:
    """The districts with outlines simple enough to draw; the figures are counted on the true ones."""
    rows = []
    ordered = sorted(content.districts, key=lambda district: district.name)
    for district, light in zip(ordered, _thinned([district.area for district in ordered]), strict=True):
        simple = polygons_of(shapely.set_precision(light, 1e-5))
        drawn = shapely.normalize(district.area if simple.is_empty else simple)
        rows.append(
            {
                "name": district.name,
                "names": dict(sorted(district.names.items())),
                "bbox": [round(value, 5) for value in district.area.bounds],
                "geometry": {
                    "type": "MultiPolygon",
                    "coordinates": [
                        [
                            [[round(x, 5), round(y, 5)] for x, y in shapely.get_coordinates(ring).tolist()]
                            for ring in (part.exterior, *part.interiors)
                        ]
                        for part in drawn.geoms
                    ],
                },
            }
        )
    return {"districts": rows}


def _thinned(areas: list[MultiPolygon]) -> list[BaseGeometry]:
    """Fewer corners. Neighbours keep their common border common; where districts overlap each is thinned by itself."""
    if not areas:
        return []
    light = thinned(areas)
    if side_by_side(light):
        return list(shapely.coverage_simplify(light, SIMPLIFY))
    return list(shapely.simplify(light, SIMPLIFY))


def collection(content: Content) -> Iterator[bytes]:
    """GeoJSON FeatureCollection (RFC 7946) of all places; attribution and method stand beside the features."""
    yield b'{"type":"FeatureCollection","features":['
    for number, place in enumerate(in_order(content.places)):
        yield (b"," if number else b"") + feature(place, brief=True)
    about = {
        "region": content.region["name"],
        "attribution": attribution(content),
        "method": content.method,
    }
    yield b"]," + to_bytes(about)[1:]


def attribution(content: Content) -> str:
    return "; ".join(attributions(content))


# With the mark at the beginning: without it Excel takes UTF-8 for the code page of its country, and Ukrainian names for noise.
CSV_ENCODING = "utf-8-sig"


def table(places: Sequence[OutlinedPlace]) -> bytes:
    """CSV (RFC 4180, UTF-8 with its mark) of all places, one row each, sorted by place."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for place in in_order(places):
        writer.writerow(
            [
                harmless(place.place),
                f"{place.latitude:.6f}",
                f"{place.longitude:.6f}",
                "" if place.hectares is None else f"{place.hectares:.4f}",
                "" if place.score is None else f"{place.score:.4f}",
                place.capture_date or "",
                " ".join(str(number) for number in place.superpixels),
                harmless(place.source),
                place.reviewed or "",
                str(place.corrected).lower(),
                harmless(place.district),
            ]
        )
    return out.getvalue().encode(CSV_ENCODING)


def harmless(text: str) -> str:
    """Text that a spreadsheet will not take for a formula: an apostrophe goes before =, +, −, @, tab and return.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{text}" if text.lstrip(" ")[:1] in tuple("=+-@\t\r\n＝＋－＠") else text
