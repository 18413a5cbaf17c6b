"""A published place: the one record of it, in memory and as a row of places.json. Pure: no Django.

places.json ({"places": [row, …]}) is what lists, permalinks and comparisons need of every place of a release, largest
first; its rows are read for ever, whatever release wrote them. Left out: outlines, of which a row tells the checksum.
"""

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# The file of a release that holds the rows.
INDEX = "places.json"
# Six decimals of a degree are 0.11 m of ground, a third of a pixel at zoom 18.
DECIMALS = 6
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class OtherDate:
    """Another image of the same ground that may be shown: its name, day and bounds in degrees."""

    place: str
    capture_date: dt.date
    bounds: Bounds

    def to_json(self) -> dict[str, Any]:
        return {
            "place": self.place,
            "capture_date": self.capture_date.isoformat(),
            "picture": True,
            "bounds": [round(value, DECIMALS) for value in self.bounds],
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "OtherDate":
        west, south, east, north = row["bounds"]
        return cls(row["place"], dt.date.fromisoformat(row["capture_date"]), (west, south, east, north))


@dataclass(frozen=True)
class PublishedPlace:
    """One approved detection, or one place of an imported map.

    Degrees have six decimals. `tile` is (west, south, east, north) of the image, `score` lies in 0…1, `hectares` are
    measured on the ellipsoid, `capture_date` and `reviewed` are ISO text. An imported map knows no hectares, no score
    and no review; `corrected`: an expert has changed the machine's outline; `dates` are other images of the same
    ground, newest first.
    """

    place: str
    latitude: float
    longitude: float
    hectares: float | None
    score: float | None
    capture_date: str | None
    superpixels: tuple[int, ...]
    source: str
    reviewed: str | None
    tile: Bounds
    outline_sha256: str
    district: str = ""
    corrected: bool = False
    dates: tuple[OtherDate, ...] = ()

    @property
    def area(self) -> float:
        """Hectares to add up: 0 where they are not known."""
        return self.hectares or 0.0

    @property
    def year(self) -> int | None:
        return int(self.capture_date[:4]) if self.capture_date else None

    @property
    def day(self) -> dt.date | None:
        return dt.date.fromisoformat(self.capture_date) if self.capture_date else None

    @property
    def reviewed_day(self) -> dt.date | None:
        return dt.date.fromisoformat(self.reviewed) if self.reviewed else None

    def to_json(self) -> dict[str, Any]:
        """The row of places.json; its order is the file's."""
        return {
            "place": self.place,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "hectares": self.hectares,
            "score": self.score,
            "capture_date": self.capture_date,
            "superpixels": list(self.superpixels),
            "source": self.source,
            "reviewed": self.reviewed,
            "corrected": self.corrected,
            "tile": [round(value, DECIMALS) for value in self.tile],
            "outline_sha256": self.outline_sha256,
            "district": self.district,
            "dates": [other.to_json() for other in self.dates],
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "PublishedPlace":
        """Older rows know no district, no corrections and no other dates."""
        west, south, east, north = row["tile"]
        return PublishedPlace(
            place=row["place"],
            latitude=row["latitude"],
            longitude=row["longitude"],
            hectares=row["hectares"],
            score=row["score"],
            capture_date=row["capture_date"],
            superpixels=tuple(row["superpixels"]),
            source=row["source"],
            reviewed=row["reviewed"],
            tile=(west, south, east, north),
            outline_sha256=row["outline_sha256"],
            district=row.get("district", ""),
            corrected=row.get("corrected", False),
            dates=tuple(OtherDate.from_json(other) for other in row.get("dates", ())),
        )


def write_index(places: Iterable[PublishedPlace]) -> dict[str, Any]:
    """What stands in places.json, largest first."""
    return {"places": [place.to_json() for place in sorted(places, key=largest_first)]}


def read_index(data: bytes) -> tuple[PublishedPlace, ...]:
    """The places of a places.json, in its order."""
    return tuple(PublishedPlace.from_json(row) for row in json.loads(data)["places"])


def largest_first(place: PublishedPlace) -> tuple[float, str]:
    return -place.area, place.place
