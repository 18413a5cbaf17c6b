"""The labels behind a map, for those who train on them: COCO and Label Studio, both written tile by tile. Pure.

Sources: https://cocodataset.org/#format-data (object detection), Label Studio's JSON of finished tasks
(https://labelstud.io/guide/tasks) and its tags PolygonLabels and Image. Joint verdicts only, no person and no time of a
label. Pixels are those of the picture to which the address leads; where a source's rights forbid publishing its pixels,
its tiles carry no address, and pixels are those of the tile. COCO's polygons know no holes: superpixels are given by
their outer ring (their area is the true one). Left out: fragments, crops without a tile around them.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

from labeling.releases.files.content import Labelled
from labeling.releases.files.published_place import DECIMALS

# What stands in files; numbers of COCO's categories begin at 1.
VERDICTS = ("mining", "not_mining", "unsure", "mixed")
IN_MEMORY = 8 * 2**20
# Longest side of the pictures to which the addresses lead.
PICTURE_SIDE = 1000
# The names by which Label Studio's results find their tags, and the field of a task in which its picture is looked for.
CONTROL, OBJECT, FIELD = "label", "image", "image"
# Colours of the labels in Label Studio: those of the site.
COLOURS = {"mining": "#d9811e", "not_mining": "#6f9159", "unsure": "#7f93a6", "mixed": "#f3e7d3"}

# Tile's (x, y) → that of the file.
Scale = tuple[float, float]


def temporary() -> IO[bytes]:
    """A nameless file that stays in memory while it is small and is gone when it is closed."""
    return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)


def studio_config() -> bytes:
    """Label Studio's labelling configuration, with the names that the tasks use."""
    labels = "".join(f'    <Label value="{name}" background="{COLOURS[name]}"/>\n' for name in VERDICTS)
    return (
        f'<View>\n  <Image name="{OBJECT}" value="${FIELD}" zoom="true"/>\n'
        f'  <PolygonLabels name="{CONTROL}" toName="{OBJECT}" strokeWidth="2">\n{labels}  </PolygonLabels>\n</View>\n'
    ).encode()


def write_labels(
    tiles: Iterable[Labelled], about: dict[str, Any], page: str = ""
) -> tuple[IO[bytes], IO[bytes]]:
    """(COCO, Label Studio) as open files, at their beginning.

    tiles: sorted by place; about: COCO's "info"; page: the release's own address, with a slash at its end, or empty:
    then addresses of pictures are relative to it.
    """
    coco, studio, annotations = temporary(), temporary(), temporary()
    head = {
        "info": about,
        "categories": [
            {"id": number, "name": name, "supercategory": "ground"} for number, name in enumerate(VERDICTS, 1)
        ],
    }
    coco.write(_json(head)[:-1] + b',"images":[')
    studio.write(b"[")
    count = 0
    for number, tile in enumerate(tiles, 1):
        first = number == 1
        coco.write((b"\n" if first else b",\n") + _json(_image(number, tile, page)))
        studio.write((b"\n" if first else b",\n") + _json(_task(number, tile, page)))
        for row in tile.verdicts:
            count += 1
            annotations.write(
                (b"\n" if count == 1 else b",\n") + _json(_annotation(count, number, tile, row))
            )
    coco.write(b'],"annotations":[')
    annotations.seek(0)
    while part := annotations.read(2**20):
        coco.write(part)
    annotations.close()
    coco.write(b"]}\n")
    studio.write(b"]\n")
    coco.seek(0)
    studio.seek(0)
    return coco, studio


def image_address(tile: Labelled, page: str) -> str:
    """Where the picture is; empty where it may not be shown."""
    return f"{page}place/{tile.place}/image.webp?size={PICTURE_SIDE}" if tile.picture else ""


def _size(tile: Labelled) -> tuple[int, int]:
    return tile.picture or (tile.width, tile.height)


def _scale(tile: Labelled) -> Scale:
    width, height = _size(tile)
    return width / tile.width, height / tile.height


def _scaled(value: float, scale: float) -> float:
    """Pixels of the tile that is shown in its own size stay whole numbers."""
    return value if scale == 1 else round(value * scale, 2)


def _image(number: int, tile: Labelled, page: str) -> dict[str, Any]:
    width, height = _size(tile)
    told: dict[str, Any] = {
        "id": number,
        "file_name": f"{tile.place}.webp",
        "width": width,
        "height": height,
        "tile_width": tile.width,
        "tile_height": tile.height,
        "source": tile.source,
        "date_captured": tile.capture_date.isoformat() if tile.capture_date else "",
    }
    if tile.bounds is not None:
        told["bounds"] = [round(value, DECIMALS) for value in tile.bounds]
    if tile.picture:
        told["coco_url"] = image_address(tile, page)
    return told


def _annotation(number: int, image: int, tile: Labelled, row: dict[str, Any]) -> dict[str, Any]:
    rings = tile.outlines[row["superpixel"]]
    right, down = _scale(tile)
    corners = [(_scaled(x, right), _scaled(y, down)) for x, y in rings[0][:-1]]
    west, north = min(x for x, _y in corners), min(y for _x, y in corners)
    east, south = max(x for x, _y in corners), max(y for _x, y in corners)
    area = _area(rings[0]) - sum(_area(hole) for hole in rings[1:])
    return {
        "id": number,
        "image_id": image,
        "category_id": VERDICTS.index(row["verdict"]) + 1,
        "iscrowd": 0,
        "segmentation": [[value for corner in corners for value in corner]],
        "area": _scaled(area, right * down),
        "bbox": [west, north, round(east - west, 2), round(south - north, 2)],
        "attributes": {name: value for name, value in row.items() if name != "verdict"},
    }


def _area(ring: list[list[int]]) -> float:
    pairs = zip(ring, ring[1:], strict=False)
    return abs(sum(x * to_y - to_x * y for (x, y), (to_x, to_y) in pairs)) / 2


def _task(number: int, tile: Labelled, page: str) -> dict[str, Any]:
    width, height = _size(tile)
    data: dict[str, Any] = {
        # Label Studio refuses a whole file when one task lacks the field that the configuration names.
        FIELD: image_address(tile, page),
        "place": tile.place,
        "source": tile.source,
        "capture_date": tile.capture_date.isoformat() if tile.capture_date else None,
        "bounds": [round(value, DECIMALS) for value in tile.bounds] if tile.bounds else None,
    }
    result = []
    for row in tile.verdicts:
        ring = tile.outlines[row["superpixel"]][0][:-1]
        points = [[round(100 * x / tile.width, 4), round(100 * y / tile.height, 4)] for x, y in ring]
        result.append(
            {
                "id": f"{tile.place}-{row['superpixel']}",
                "type": "polygonlabels",
                "from_name": CONTROL,
                "to_name": OBJECT,
                "original_width": width,
                "original_height": height,
                "image_rotation": 0,
                "value": {"points": points, "closed": True, "polygonlabels": [row["verdict"]]},
                "meta": {name: value for name, value in row.items() if name not in {"verdict", "superpixel"}},
            }
        )
    return {"id": number, "data": data, "annotations": [{"result": result}]}


def pictured(lines: Iterable[bytes]) -> Iterator[str]:
    """The places of whose images a COCO file gives the address. Raises ValueError as `_images` does."""
    return (told["file_name"].removesuffix(".webp") for told in _images(lines) if told.get("coco_url"))


def sources_in(lines: Iterable[bytes]) -> set[str]:
    """The imagery sources of the tiles in a COCO file. Raises ValueError as `_images` does."""
    return {told["source"] for told in _images(lines)}


def _images(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The images that a COCO file of `write_labels` names; reads to its annotations only.

    Raises ValueError for a file of another make.
    """
    for number, line in enumerate(lines):
        # In no text between quotation marks: there they would be escaped.
        row, end, _rest = line.partition(b'],"annotations":')
        if number and row:
            yield json.loads(row.rstrip(b",\n"))
        if end:
            return


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
