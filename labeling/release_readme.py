"""README.txt of a release: what the files are, how the map was made, whose images it stands on. English. Pure."""

from typing import Any

from labeling.release_content import Content

FILES = {
    "places.geojson": "all outlines, GeoJSON (RFC 7946)",
    "places.gpkg": "the same for QGIS and other GIS, GeoPackage 1.4",
    "places.csv": "one row for each place, for spreadsheets",
    "places.kml": "the same for globes and phones, KML",
    "places.pmtiles": "vector tiles of the outlines for web maps, zooms 5 to 14, PMTiles 3",
    "statistics.json": "hectares and places by year and by district",
    "labels-coco.json": "joint verdicts of people on pieces of tiles, COCO",
    "labels-label-studio.json": "the same for Label Studio",
    "preview.png": "a small picture for links",
    "SHA256SUMS": "checksums: sha256sum --check SHA256SUMS",
}


def readme(content: Content, figures: dict[str, Any], sums: dict[str, str]) -> bytes:
    """sums: name → SHA-256 of the files that are listed."""
    region = figures["region"]
    lines = [
        f"Ground torn up for {region['mineral']}: {region['name']}",
        "",
        _extent(figures),
        *content.estimate_lines,
        *content.about,
        "",
        *_method(figures["method"]),
        "- Coordinates are WGS 84 degrees with six decimals.",
        *(_of_our_own(figures) if figures["method"] else _imported(figures)),
        "",
        "Licence",
        f"- Outlines, figures and labels: {content.licence or 'not stated; ask those who published the map'}.",
        "",
        "Citation",
        f"- {citation(figures)}",
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


def _of_our_own(figures: dict[str, Any]) -> list[str]:
    """What holds of a map that was made here from images."""
    return [
        "- Outlines follow the pieces, not the pits.",
        "- Areas are measured on the WGS 84 ellipsoid. Ground where tiles or dates overlap counts once in the "
        "total, once in each year and once in each district; districts are cut at their border, and "
        "a place is counted in the district of its centre.",
        "",
        "Not on the map",
        *_apart(figures["not_on_the_map"]),
        "",
        "Imagery",
        *(_source(source) for source in figures["sources"]),
        "- The images are not part of this release and stay under their owners' terms.",
        "",
        "Labels",
        "- Each verdict is what volunteers and experts jointly say of one piece; no names, no single votes. Finer pieces, "
        "single crops and the tiles with which volunteers are taught and checked are left out. Addresses of images are relative to this release's page, and stand only where "
        "the source's terms allow showing its images; Label Studio needs them to be made absolute.",
    ]


def _imported(figures: dict[str, Any]) -> list[str]:
    """Of a map that was made elsewhere no more is known than who is named for it."""
    told = [
        f"- {source['name']}: {source['attribution']}"
        for source in figures["sources"]
        if source["attribution"]
    ]
    return ["", "Attribution", *told] if told else []


def citation(figures: dict[str, Any]) -> str:
    region, method = figures["region"], figures["method"]
    made = "an imported map" if method is None else f"run {method['run']}"
    return (
        f"Amber: ground torn up for {region['mineral']}, {region['name']} ({made}, {_counted(figures['places'], 'place')}). "
        "Please add the number and the date of the release, which its page shows."
    )


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
        f"- Each tile was cut into about {method['segmentation']['n_segments']} pieces (SLIC superpixels, "
        f"{method['segmentation']['key']}).",
        f"- A classifier ({classifier['algorithm']} on {classifier['extractor']} features, "
        f"dataset {classifier['dataset'][:12]}) gave each piece a probability of mining.",
        f"- A tile was marked when more than {method['positive_superpixels']} of its pieces reached "
        f"{method['threshold']:.4f}.",
        "- Experts looked at every place on this map and approved it.",
    ]
    if classifier.get("model_sha256"):
        lines.insert(3, f"- The classifier's file has the SHA-256 {classifier['model_sha256']}.")
    return lines


def _apart(apart: dict[str, int]) -> list[str]:
    return [
        f"- rejected by experts: {apart.get('rejected', 0)}",
        f"- waiting for an expert: {apart.get('waiting', 0)}",
        f"- approved, but of images whose place is not known: {apart.get('approved_without_place', 0)}",
        f"- withheld, because the imagery's terms forbid derived data: {apart.get('withheld', 0)}",
        f"- tiles of unknown place: {apart.get('tiles_without_place', 0)}; tiles that could not be read: "
        f"{apart.get('tiles_failed', 0)}",
        *(
            [
                f"- tiles passed over at a glance, where nothing looked like mining: {apart['tiles_passed_over']}"
            ]
            if "tiles_passed_over" in apart
            else []
        ),
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
