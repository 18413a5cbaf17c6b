"""What the public map says by district, from the statistics of a release alone: no database."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language

from labeling.public.words import hectares

# How addresses and data name the images without a date.
UNDATED = "undated"


@dataclass(frozen=True)
class DistrictRow:
    """One district with mining: `label` is its name in the reader's language, `height` its share of the largest
    in percent, `years` year ("undated" without one) → {places, hectares}."""

    name: str
    label: str
    places: int
    hectares: float
    height: float
    years: dict[str, dict[str, float]]

    @property
    def in_words(self) -> str:
        return hectares(self.hectares)

    def as_data(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "label": self.label,
            "places": self.places,
            "hectares": self.hectares,
            "years": self.years,
        }


def in_language(name: str, names: dict[str, str]) -> str:
    """The name in the reader's language, where the admin's file told it."""
    return names.get((get_language() or "en").split("-")[0]) or name


@dataclass(frozen=True)
class ByDistrict:
    """`rows`: districts with mining, largest first (with no place where mining reaches in from beside it); `without`: how many have none; `outside`: hectares that lie in
    no district, None where there are none."""

    rows: list[DistrictRow]
    without: int
    outside: float | None


def by_district(figures: dict[str, Any]) -> ByDistrict:
    """Nothing at all for releases that do not count by district."""
    counted = figures.get("by_district") or []
    named = [one for one in counted if one["district"]]
    mined = sorted(
        (one for one in named if one["places"] or one["hectares"]),
        key=lambda one: (-(one["hectares"] or 0), one["district"]),
    )
    highest = max((one["hectares"] or 0 for one in mined), default=0) or 1
    rows = [
        DistrictRow(
            name=one["district"],
            label=in_language(one["district"], one["names"]),
            places=one["places"],
            hectares=one["hectares"] or 0,
            height=round(100 * (one["hectares"] or 0) / highest, 1),
            years={
                str(year["year"] or UNDATED): {"places": year["places"], "hectares": year["hectares"] or 0}
                for year in one["by_year"]
            },
        )
        for one in mined
    ]
    outside = next((one["hectares"] for one in counted if not one["district"]), None)
    return ByDistrict(rows, len(named) - len(mined), outside)


def years_as_data(years: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The figures of each year as the map's script wants them: year ("undated" without one) → figures."""
    return {
        str(year["year"] or UNDATED): {
            "places": year["places"],
            "hectares": year["hectares"] or 0,
            "tiles": year["tiles_searched"],
        }
        for year in years
    }
