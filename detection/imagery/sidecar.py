"""The table that may lie beside a folder of images: `tiles.csv` or `tiles.json`.

Columns: file, then west, south, east, north or lat, lon (also latitude, longitude), and date (2015-10-05).
A JSON file is a list of such objects, or {"tiles": [...]}. Rows are not checked against the images here.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from detection.imagery.sentences import Sentence, gettext_noop

SIDECAR_NAMES = ("tiles.csv", "tiles.json")
MAX_SIDECAR_BYTES = 64 * 1024 * 1024

_BOUNDS = ("west", "south", "east", "north")
_SYNONYMS = {"lat": "latitude", "lon": "longitude", "lng": "longitude", "filename": "file", "name": "file"}


class UnreadableSidecar(Exception):
    """The table as a whole cannot be read; `reason` says why."""

    def __init__(self, template: str, **values: object) -> None:
        self.reason = Sentence(template, values)
        super().__init__(str(self.reason))


@dataclass(frozen=True)
class SidecarRow:
    """What the table says of one image. `problem` is set where the row cannot be understood."""

    bounds: tuple[float, float, float, float] | None = None
    centre: tuple[float, float] | None = None
    capture_date: date | None = None
    problem: Sentence | None = None


def read_sidecar(name: str, data: bytes) -> dict[str, SidecarRow]:
    """{file name: row}. A row that makes no sense is kept with its problem. Raises UnreadableSidecar."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableSidecar(gettext_noop("%(name)s is not UTF-8 text."), name=name) from None
    rows = _json_rows(name, text) if name.lower().endswith(".json") else _csv_rows(name, text)
    by_name: dict[str, SidecarRow] = {}
    for row in rows:
        file_name = str(row.get("file") or "").strip()
        if not file_name:
            continue
        if file_name in by_name:
            by_name[file_name] = SidecarRow(
                problem=Sentence(gettext_noop("%(name)s has more than one row for it."), {"name": name})
            )
        else:
            by_name[file_name] = _read_row(name, row)
    return by_name


def _csv_rows(name: str, text: str) -> Iterable[Mapping[str, object]]:
    first_line = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        lines = [line for line in reader if line]
    except csv.Error as error:
        raise UnreadableSidecar(
            gettext_noop("%(name)s is not a table (%(detail)s)."), name=name, detail=str(error)
        ) from None
    columns = [_column(column) for column in lines[0]] if lines else []
    if "file" not in columns:
        raise UnreadableSidecar(gettext_noop("%(name)s has no column “file” in its first line."), name=name)
    return [dict(zip(columns, line, strict=False)) for line in lines[1:]]


def _json_rows(name: str, text: str) -> Iterable[Mapping[str, object]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableSidecar(gettext_noop("%(name)s is not valid JSON."), name=name) from None
    if isinstance(document, dict):
        document = document.get("tiles")
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise UnreadableSidecar(
            gettext_noop("%(name)s is not a list of objects with “file” in each."), name=name
        )
    return [{_column(str(key)): value for key, value in row.items()} for row in document]


def _column(text: str) -> str:
    name = text.strip().lower()
    return _SYNONYMS.get(name, name)


def _read_row(name: str, row: Mapping[str, object]) -> SidecarRow:
    try:
        bounds = _numbers(row, _BOUNDS)
        centre = _numbers(row, ("latitude", "longitude"))
        capture_date = _date(row.get("date"))
    except ValueError as error:
        return SidecarRow(
            problem=Sentence(
                gettext_noop("Its row in %(name)s is not understood: %(detail)s."),
                {"name": name, "detail": str(error)},
            )
        )
    return SidecarRow(
        bounds=(bounds[0], bounds[1], bounds[2], bounds[3]) if bounds else None,
        centre=(centre[0], centre[1]) if centre else None,
        capture_date=capture_date,
    )


def _numbers(row: Mapping[str, object], columns: tuple[str, ...]) -> list[float] | None:
    given = [row.get(column) for column in columns]
    missing = [value is None or (isinstance(value, str) and not value.strip()) for value in given]
    if all(missing):
        return None
    if any(missing):
        raise ValueError(f"{', '.join(columns)} belong together")
    return [_number(column, value) for column, value in zip(columns, given, strict=True)]


def _number(column: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{column} is no number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{column} is no number")
    return number


def _date(value: object) -> date | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        raise ValueError("date is not written like 2015-10-05") from None
