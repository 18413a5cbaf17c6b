"""The labels behind a map, for those who train on them: COCO and Label Studio, both written tile by tile. Pure.

Sources: https://cocodataset.org/#format-data (object detection) and Label Studio's JSON of finished tasks. Joint verdicts
only, no person and no time of a label. Where a source's rights forbid publishing its pixels, its tiles carry no address
of an image; outlines and verdicts remain. COCO's polygons know no holes: pieces are given by their outer ring (their
area is the true one). Left out: finer pieces, crops without a tile around them.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

from labeling.release_content import DECIMALS, Labelled

# What stands in files; numbers of COCO's categories begin at 1.
VERDICTS = ("mining", "not_mining", "unsure", "mixed")
IN_MEMORY = 8 * 2**20


def temporary() -> IO[bytes]:
    """A nameless file that stays in memory while it is small and is gone when it is closed."""
    return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)


def write_labels(tiles: Iterable[Labelled], about: dict[str, Any]) -> tuple[IO[bytes], IO[bytes]]:
    """(COCO, Label Studio) as open files, at their beginning. tiles: sorted by place; about: COCO's "info"."""
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
        coco.write((b"\n" if first else b",\n") + _json(_image(number, tile)))
        studio.write((b"\n" if first else b",\n") + _json(_task(number, tile)))
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


def image_address(tile: Labelled) -> str:
    """Where the image is, seen from the release's own address; empty where it may not be shown."""
    return f"place/{tile.place}/image.webp?size=1000" if tile.picture else ""


def _image(number: int, tile: Labelled) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": number,
        "file_name": f"{tile.place}.webp",
        "width": tile.width,
        "height": tile.height,
        "source": tile.source,
        "date_captured": tile.capture_date.isoformat() if tile.capture_date else "",
    }
    if tile.bounds is not None:
        told["bounds"] = [round(value, DECIMALS) for value in tile.bounds]
    if tile.picture:
        told["coco_url"] = image_address(tile)
    return told


def _annotation(number: int, image: int, tile: Labelled, row: dict[str, Any]) -> dict[str, Any]:
    rings = tile.outlines[row["superpixel"]]
    across, down = [x for x, _y in rings[0]], [y for _x, y in rings[0]]
    return {
        "id": number,
        "image_id": image,
        "category_id": VERDICTS.index(row["verdict"]) + 1,
        "iscrowd": 0,
        "segmentation": [[value for point in rings[0][:-1] for value in point]],
        "area": _area(rings[0]) - sum(_area(hole) for hole in rings[1:]),
        "bbox": [min(across), min(down), max(across) - min(across), max(down) - min(down)],
        "attributes": {name: value for name, value in row.items() if name != "verdict"},
    }


def _area(ring: list[list[int]]) -> float:
    pairs = zip(ring, ring[1:], strict=False)
    return abs(sum(x * to_y - to_x * y for (x, y), (to_x, to_y) in pairs)) / 2


def _task(number: int, tile: Labelled) -> dict[str, Any]:
    data: dict[str, Any] = {
        "place": tile.place,
        "source": tile.source,
        "capture_date": tile.capture_date.isoformat() if tile.capture_date else None,
        "bounds": [round(value, DECIMALS) for value in tile.bounds] if tile.bounds else None,
    }
    if tile.picture:
        data["image"] = image_address(tile)
    result = []
    for row in tile.verdicts:
        ring = tile.outlines[row["superpixel"]][0][:-1]
        points = [[round(100 * x / tile.width, 4), round(100 * y / tile.height, 4)] for x, y in ring]
        result.append(
            {
                "id": f"{tile.place}-{row['superpixel']}",
                "type": "polygonlabels",
                "from_name": "label",
                "to_name": "image",
                "original_width": tile.width,
                "original_height": tile.height,
                "image_rotation": 0,
                "value": {"points": points, "closed": True, "polygonlabels": [row["verdict"]]},
                "meta": {name: value for name, value in row.items() if name not in {"verdict", "superpixel"}},
            }
        )
    return {"id": number, "data": data, "annotations": [{"result": result}]}


def pictured(lines: Iterable[bytes]) -> Iterator[str]:
    """The places of whose images a COCO file that `write_labels` wrote gives the address; reads to its annotations only.

    Raises ValueError for a file of another make.
    """
    for number, line in enumerate(lines):
        # In no text between quotation marks: there they would be escaped.
        row, end, _rest = line.partition(b'],"annotations":')
        if number:
            told = json.loads(row.rstrip(b",\n"))
            if told.get("coco_url"):
                yield told["file_name"].removesuffix(".webp")
        if end:
            return


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
