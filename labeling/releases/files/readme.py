"""README.txt of a release: what the files and their columns are, how the map was made, whose images it stands on.

English. Pure.
"""

from typing import Any

from labeling.releases.files.content import Content
from labeling.releases.files.labels import PICTURE_SIDE

FILES = {
    "places.geojson": "all outlines, GeoJSON (RFC 7946)",
    "places.gpkg": "the same for QGIS and other GIS, GeoPackage 1.4",
    "places.csv": "one row for each place, for spreadsheets",
    "places.kml": "the same for globes and phones, KML",
    "places.pmtiles": "vector tiles of the outlines for web maps, zooms 5 to 14, PMTiles 3",
    "statistics.json": "hectares and places by year and by district",
    "labels-coco.json": "joint verdicts of people on superpixels of tiles, COCO",
    "labels-label-studio.json": "the same for Label Studio; import it into a project with label-studio.xml",
    "label-studio.xml": "the labelling configuration of such a project",
    "model-card.md": "what the classifier learned from, how good it is on ground not seen, where it fails",
    "model-card.json": "the same for programs",
    "preview.png": "a small picture for links",
}
CSV, GEOJSON, GEOPACKAGE, KML, PMTILES = "CSV", "GeoJSON", "GeoPackage", "KML", "PMTiles"
EVERY = (CSV, GEOJSON, GEOPACKAGE, KML, PMTILES)
MOST = (CSV, GEOJSON, GEOPACKAGE, KML)
# Column → (the formats that have it, what it means and in which unit).
COLUMNS: dict[str, tuple[tuple[str, ...], str]] = {
    "place": (EVERY, "permanent short name of the image of ground; the same in every release that shows it"),
    "latitude": (
        (CSV, GEOPACKAGE),
        "of the outline's centre of gravity, degrees north, WGS 84; it may lie beside a bent outline",
    ),
    "longitude": ((CSV, GEOPACKAGE), "of the same point, degrees east, WGS 84"),
    "hectares": (
        EVERY,
        "area of the outline in hectares (10,000 square metres) on the WGS 84 ellipsoid; where outlines overlap, "
        "each has its whole area, so the sum may be more than the total in statistics.json",
    ),
    "score": (
        EVERY,
        "mean probability of mining of the marked superpixels as the classifier gave it, 0 to 1",
    ),
    "capture_date": (MOST, "day on which the image was taken, YYYY-MM-DD"),
    "date": ((PMTILES,), "the same as capture_date"),
    "year": ((PMTILES,), "year of that day"),
    "superpixels": (
        (CSV, GEOJSON, GEOPACKAGE),
        "numbers of the superpixels of the tile of which the outline is made (in CSV and GeoPackage with spaces between)",
    ),
    "source": (MOST, "imagery source, by its name under “Imagery” above"),
    "reviewed": (
        MOST,
        "day on which an expert approved the place, YYYY-MM-DD, by the calendar of those who publish",
    ),
    "corrected": (
        MOST,
        "whether an expert has corrected the outline that the machine drew; what was cut within a superpixel lies in "
        "the outline and not in the numbers of superpixels",
    ),
    "district": (MOST, "district in which the outline's centre lies"),
    "fid": ((GEOPACKAGE,), "row number in this file; it says nothing of the place"),
    "geom": ((GEOPACKAGE,), "the outline: areas (MultiPolygon) in WGS 84 degrees"),
}


def readme(content: Content, figures: dict[str, Any], sums: dict[str, str], page: str = "") -> bytes:
    """sums: name → SHA-256 of the files that are listed; page: the release's permanent address, if it is known."""
    region = figures["region"]
    lines = [
        f"Ground mined for {region['mineral']}: {region['name']}",
        "",
        _extent(figures),
        *content.estimate_lines,
        *content.about,
        "",
        *_method(figures["method"]),
        "- Coordinates are WGS 84 degrees with six decimals.",
        *(_of_our_own(figures, page, region["slug"]) if figures["method"] else _imported(figures)),
        "",
        "Licence",
        f"- Outlines, figures and labels: {content.licence or 'not stated; ask those who published the map'}.",
        "",
        "Citation",
        f"- {citation(figures, content.publisher, page)} "
        "Please add the number and the date of the release, which its page shows.",
        "",
        "Columns",
        *(_column(name, formats, meaning) for name, (formats, meaning) in COLUMNS.items()),
        "- Empty (null) is what is not known. In the CSV an apostrophe stands before a text that a spreadsheet "
        "would take for a formula.",
        "",
        "Checking the files",
        "- SHA256SUMS holds the checksums. In the folder with the files that you have downloaded, under their own names:",
        "    sha256sum --ignore-missing --check SHA256SUMS       (on a Mac: shasum -a 256 --ignore-missing --check SHA256SUMS)",
        "- changes.json, where a release has one, tells what differs from the release before. It is not in SHA256SUMS, so that "
        "the same map has the same checksums whatever came before it; its own checksum stands in the site's list of releases.",
        "",
        "Files (SHA-256)",
    ]
    lines += [f"{digest}  {name}: {_what(name)}" for name, digest in sorted(sums.items()) if _what(name)]
    return ("\n".join(lines) + "\n").encode()


def _what(name: str) -> str:
    """What a file is; empty for the map's own parts."""
    return FILES.get(name, "the imported map as it came" if name.startswith("original-") else "")


def _extent(figures: dict[str, Any]) -> str:
    places = _counted(figures["places"], "place")
    if figures["method"] is None:
        return f"{places}."
    return f"{places}, {_hectares(figures)}{_counted(figures['tiles_searched'], 'satellite tile')} searched."


def _of_our_own(figures: dict[str, Any], page: str, slug: str) -> list[str]:
    """What holds of a map that was made here from images."""
    return [
        "- Outlines follow the superpixels, not the pits.",
        "- Areas are measured on the WGS 84 ellipsoid. Ground where tiles or dates overlap counts once in the "
        "total, once in each year and once in each district; districts are cut at their border, and "
        "a place is counted in the district of its centre.",
        "",
        "Not on the map",
        *_apart(figures["not_on_the_map"]),
        "",
        "Imagery",
        *(_source(source) for source in figures["sources"]),
        "- The images are not part of this release and stay under their owners' terms, which are named here.",
        "",
        "Labels",
        "- Each verdict is what volunteers and experts jointly say of one superpixel; no names, no single votes. Fragments, "
        "single crops and the tiles with which volunteers are taught and checked are left out.",
        *_pictures(page, slug),
    ]


def _imported(figures: dict[str, Any]) -> list[str]:
    """Of a map that was made elsewhere no more is known than who is named for it."""
    told = [
        f"- {source['name']}: {source['attribution']}"
        for source in figures["sources"]
        if source["attribution"]
    ]
    return ["", "Attribution", *told] if told else []


def citation(figures: dict[str, Any], publisher: str, page: str) -> str:
    """How the map is to be cited; neither its number nor its date, which stand in no file (ADR 12)."""
    region, method = figures["region"], figures["method"]
    made = "an imported map" if method is None else f"run {method['run']}"
    told = (
        f"{publisher}: ground mined for {region['mineral']}, {region['name']} "
        f"({made}, {_counted(figures['places'], 'place')})."
    )
    return f"{told} {page}" if page else told


def _column(name: str, formats: tuple[str, ...], meaning: str) -> str:
    where = "" if formats == EVERY else f" ({', '.join(formats)})"
    return f"- {name}{where}: {meaning}."


def _pictures(page: str, slug: str) -> list[str]:
    address = (
        "Addresses of images lead to the site that published this release."
        if page
        else "Addresses of images are relative to the page of this release, which ends in "
        f"/map/{slug}/NUMBER/ on the site that published it: put its address before them."
    )
    return [
        f"- {address} They stand only where the source's terms allow showing its images.",
        "- Pixels in labels-coco.json (width, height, segmentation, bbox, area) and original_width and original_height in "
        f"labels-label-studio.json are those of the image at the address, whose longest side has at most {PICTURE_SIDE} "
        "pixels; without an address those of the tile, whose own size is tile_width by tile_height.",
    ]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _hectares(figures: dict[str, Any]) -> str:
    return "" if figures["hectares"] is None else f"{figures['hectares']:.2f} hectares, "


def _method(method: dict[str, Any] | None) -> list[str]:
    if method is None:
        return ["How it was made", "- It was made elsewhere and imported as it is."]
    classifier = method["classifier"]
    lines = [
        "How it was made",
        f"- Each tile was cut into about {method['segmentation']['n_segments']} superpixels (SLIC superpixels, "
        f"{method['segmentation']['key']}).",
        f"- A classifier ({classifier['algorithm']} on {classifier['extractor']} features, "
        f"dataset {classifier['dataset'][:12]}) gave each superpixel a probability of mining.",
        f"- A tile was marked when more than {method['positive_superpixels']} of its superpixels reached "
        f"{method['threshold']:.4f}.",
        *_outlined(classifier),
        "- Experts looked at every place on this map and approved it.",
    ]
    if classifier.get("model_sha256"):
        lines.insert(3, f"- The classifier's file has the SHA-256 {classifier['model_sha256']}.")
    return lines + _campaigns(classifier.get("campaigns", []))


def _outlined(classifier: dict[str, Any]) -> list[str]:
    if not classifier.get("outline"):
        return []
    return [
        "- Where on a marked tile the mining lies was judged by windows of 64 pixels; a tile on which they saw none was "
        "left unmarked."
    ]


def _campaigns(named: list[dict[str, Any]] | None) -> list[str]:
    if named is None:
        return [
            "- Which campaigns against classes of errors it learned from is not known: its dataset is lost."
        ]
    return [
        f"- It learned from campaign no. {one['number']} against a class of errors, “{_line(one['name'])}”: "
        f"{_counted(one['superpixels'], 'superpixel')} {_decided(one)}."
        for one in named
    ]


def _decided(campaign: dict[str, Any]) -> str:
    if campaign["decision"] == "exclude":
        return "left out of what it learned from"
    taken = campaign["look_alike"].replace("_", " ")
    return "labelled as not mining" + (f" ({_line(taken)})" if taken else "")


def _line(text: str) -> str:
    """What people typed, in one line."""
    return " ".join(text.split())


def _apart(apart: dict[str, int]) -> list[str]:
    return [
        f"- rejected by experts: {apart.get('rejected', 0)}",
        f"- waiting for an expert: {apart.get('waiting', 0)}",
        f"- approved, but of images whose place is not known: {apart.get('approved_without_place', 0)}",
        f"- withheld, because the imagery's terms forbid derived data: {apart.get('withheld', 0)}",
        f"- tiles of unknown place: {apart.get('tiles_without_place', 0)}; tiles that could not be read or scored: "
        f"{apart.get('tiles_failed', 0)}",
    ]


def _source(source: dict[str, Any]) -> str:
    made = " (made by a program, not real ground)" if source["synthetic"] else ""
    licence = f", {source['licence']}" if source["licence"] else ""
    pictures = "" if source["may_publish"] else "; its images may not be shown"
    dates = ""
    if source["first_date"]:
        days = source["first_date"]
        if source["last_date"] != days:
            days = f"{days} to {source['last_date']}"
        dates = f"; {_counted(source['tiles'], 'image')} of {days}"
    elif source["tiles"]:
        dates = f"; {_counted(source['tiles'], 'image')}"
    if source["undated"]:
        dates += f", {source['undated']} of them of unknown date"
    return f"- {source['name']}{made}: {source['attribution']}{licence}{dates}{pictures}"
