"""The files of a release as bytes. The same content gives the same bytes, so that anyone can check. Pure: no Django.

For people: places.geojson, places.csv, statistics.json, README.txt. For the map: squares-<level>.json (far out),
ground-<column>-<row>.json (close by) and places.json (the list). Neither the number nor the time of the release
stands in any file: publishing an older state again gives the older checksums again.
"""

import csv
import hashlib
import io
from dataclasses import dataclass
from typing import Any

from labeling.release_content import Content, Place, in_order, statistics
from labeling.release_grid import SQUARE_LEVELS, coordinates, feature, ground, squares, to_bytes

GEOJSON = "application/geo+json"
JSON = "application/json"
CSV = "text/csv; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
# What is offered for download; the rest are the map's own parts.
DOWNLOADS = ("places.geojson", "places.csv", "statistics.json", "README.txt")
INDEX = "places.json"
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
)


@dataclass(frozen=True)
class BuiltFile:
    name: str
    media_type: str
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Built:
    """All files of a release and the statistics that stand in one of them."""

    files: list[BuiltFile]
    statistics: dict[str, Any]


def build(content: Content) -> Built:
    """Every file of the release, sorted by name. Raises ValueError for values that JSON cannot hold."""
    figures = statistics(content)
    files = [
        BuiltFile("places.geojson", GEOJSON, to_bytes(collection(content))),
        BuiltFile("places.csv", CSV, table(content.places)),
        BuiltFile("statistics.json", JSON, to_bytes(figures)),
        BuiltFile(INDEX, JSON, to_bytes(index(content.places))),
    ]
    files += [
        BuiltFile(f"squares-{zoom}.json", JSON, to_bytes(squares(content, zoom))) for zoom in SQUARE_LEVELS
    ]
    files += [
        BuiltFile(f"ground-{column}-{row}.json", GEOJSON, to_bytes(part))
        for (column, row), part in ground(content).items()
    ]
    files.append(BuiltFile("README.txt", TEXT, readme(figures, files)))
    return Built(sorted(files, key=lambda file: file.name), figures)


def collection(content: Content) -> dict[str, Any]:
    """GeoJSON FeatureCollection (RFC 7946) of all places; attribution and method stand beside the features."""
    features = []
    for place in in_order(content.places):
        one = feature(place)
        for name in ("tile", "picture"):
            del one["properties"][name]
        features.append(one)
    return {
        "type": "FeatureCollection",
        "features": features,
        "region": content.region["name"],
        "attribution": attribution(content),
        "method": content.method,
    }


def attribution(content: Content) -> str:
    return "; ".join(sorted({source.attribution for source in content.sources if source.attribution}))


def table(places: list[Place]) -> bytes:
    """CSV (RFC 4180, UTF-8) of all places, one row each, sorted by place."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for place in in_order(places):
        latitude, longitude = place.centre
        writer.writerow(
            [
                harmless(place.place),
                f"{latitude:.6f}",
                f"{longitude:.6f}",
                f"{place.hectares:.4f}",
                f"{place.score:.4f}",
                place.capture_date.isoformat() if place.capture_date else "",
                " ".join(str(number) for number in place.superpixels),
                harmless(place.source.name),
                place.reviewed.isoformat(),
            ]
        )
    return out.getvalue().encode()


def harmless(text: str) -> str:
    """Text that a spreadsheet will not take for a formula: an apostrophe goes before =, +, −, @, tab and return.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{text}" if text.lstrip(" ")[:1] in tuple("=+-@\t\r\n＝＋－＠") else text


def index(places: list[Place]) -> dict[str, Any]:
    """What lists, permalinks and comparisons need of every place, largest first; outlines by their checksum."""
    rows = []
    for place in sorted(places, key=lambda place: (-place.hectares, place.place)):
        latitude, longitude = place.centre
        shape = hashlib.sha256(to_bytes(coordinates(place))).hexdigest()[:16]
        rows.append(
            {
                "place": place.place,
                "latitude": latitude,
                "longitude": longitude,
                "hectares": place.hectares,
                "score": place.score,
                "capture_date": place.capture_date.isoformat() if place.capture_date else None,
                "superpixels": list(place.superpixels),
                "source": place.source.name,
                "reviewed": place.reviewed.isoformat(),
                "tile": [round(value, 6) for value in place.bounds],
                "outline_sha256": shape,
            }
        )
    return {"places": rows}


def readme(figures: dict[str, Any], files: list[BuiltFile]) -> bytes:
    """What the files are, how the map was made, whose images it stands on. English, plain text."""
    method = figures["method"]
    region = figures["region"]
    apart = figures["not_on_the_map"]
    lines = [
        f"Ground torn up for {region['mineral']}: {region['name']}",
        "",
        f"{figures['places']} places, {figures['hectares']:.2f} hectares, "
        f"{figures['tiles_searched']} satellite tiles searched.",
        "",
        "How it was made",
        f"- Each tile was cut into about {method['segmentation']['n_segments']} pieces (SLIC superpixels, "
        f"{method['segmentation']['key']}).",
        f"- A classifier ({method['classifier']['algorithm']} on {method['classifier']['extractor']} features, "
        f"dataset {method['classifier']['dataset'][:12]}) gave each piece a probability of mining.",
        f"- A tile was marked when more than {method['positive_superpixels']} of its pieces reached "
        f"{method['threshold']:.4f}.",
        "- Experts looked at every place on this map and approved it.",
        "- Areas are measured on the WGS 84 ellipsoid. Ground where tiles or dates overlap counts once in the "
        "total and once in each year.",
        "- Coordinates are WGS 84 degrees with six decimals; outlines follow the pieces, not the pits.",
        "",
        "Not on the map",
        f"- rejected by experts: {apart.get('rejected', 0)}",
        f"- waiting for an expert: {apart.get('waiting', 0)}",
        f"- approved, but of images whose place is not known: {apart.get('approved_without_place', 0)}",
        f"- withheld, because the imagery's terms forbid derived data: {apart.get('withheld', 0)}",
        f"- tiles of unknown place: {apart.get('tiles_without_place', 0)}; tiles that could not be read: "
        f"{apart.get('tiles_failed', 0)}",
        "",
        "Imagery",
    ]
    for source in figures["sources"]:
        made = " (made by a program, not real ground)" if source["synthetic"] else ""
        licence = f", {source['licence']}" if source["licence"] else ""
        lines.append(f"- {source['name']}{made}: {source['attribution']}{licence}")
    lines += ["", "Files (SHA-256)"]
    lines += [
        f"{file.sha256}  {file.name}"
        for file in sorted(files, key=lambda f: f.name)
        if file.name in DOWNLOADS
    ]
    return ("\n".join(lines) + "\n").encode()
