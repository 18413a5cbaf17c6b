"""A release with everything in it: districts, names, labels, another date."""

import datetime as dt
import random
from collections.abc import Iterator

from shapely.geometry import MultiPolygon, box

from labeling.releases.files.content import Content, District, Labelled, Name
from labeling.releases.files.published_place import OtherDate
from labeling.releases.files.writers import build
from tests.labeling.releases.files.test_release_files import CLOSED, content, place

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]


HOLE = [[2, 2], [2, 4], [4, 4], [4, 2], [2, 2]]


def labelled(
    name: str,
    *,
    picture: tuple[int, int] | None = (1000, 800),
    rows: int = 2,
    size: tuple[int, int] = (1000, 800),
) -> Labelled:
    verdicts = [
        {
            "superpixel": number,
            "verdict": ("mining", "not_mining")[number % 2],
            "posterior": 0.9731,
            "votes": 3,
            "agreeing": 2,
            "by_expert": False,
            "look_alike": "",
        }
        for number in range(1, rows + 1)
    ]
    outlines = {number: [SQUARE, HOLE] for number in range(1, rows + 1)}
    source = "Open imagery" if picture else "Closed imagery"
    bounds = (26.0, 51.5, 26.005, 51.503)
    return Labelled(name, *size, bounds, dt.date(2015, 10, 5), source, picture, outlines, verdicts)


def full_content(shuffle: int | None = None) -> Content:
    """Places of two years in and out of two districts, with labels, names and another date."""
    other = OtherDate("beef", dt.date(2018, 4, 1), (26.0, 51.5, 26.0054, 51.5034))
    places = [
        place("aa01", dates=(other,)),
        place("aa02", west=26.002, capture_date=dt.date(2016, 5, 1)),
        place("aa03", west=26.2, source=CLOSED, capture_date=None),
        place("aa04", west=27.0),
    ]
    districts = [
        District("West", {"uk": "Захід"}, MultiPolygon([box(25.9, 51.4, 26.003, 51.6)])),
        District("East", {}, MultiPolygon([box(26.003, 51.4, 26.5, 51.6)])),
    ]
    names = [Name("Дубровиця", {"en": "Dubrovytsia"}, 51.57, 26.57), Name("Lake", {}, 51.5, 26.1)]
    if shuffle is not None:
        chance = random.Random(shuffle)
        for rows in (places, districts, names):
            chance.shuffle(rows)

    def labels() -> Iterator[Labelled]:
        yield labelled("aa01")
        yield labelled("aa03", picture=None)

    return content(
        places,
        districts=districts,
        names=names,
        labels=labels,
        taken={
            "Open imagery": {"first_date": "2015-10-05", "last_date": "2016-05-01", "tiles": 3, "undated": 0}
        },
    )


def built() -> dict[str, bytes]:
    return {file.name: file.read() for file in build(full_content()).files}
