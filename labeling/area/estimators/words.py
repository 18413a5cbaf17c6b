"""An area estimate in plain English, for a release's README. Pure: no Django."""

from typing import Any

STRATA = {
    "map": "on the map",
    "found": "found by the machine, not on the map",
    "near": "a high score, not marked",
    "rest": "all other tiles",
}
METHOD = (
    "Stratified estimators of Olofsson et al. 2014 (Remote Sensing of Environment 148, 42-57) for hectares a tile; "
    "intervals: Student's t, where finds are rare Fay and Feuer 1997, put together by Zou and Donner 2008."
)


def readme_lines(estimate: dict[str, Any] | None) -> list[str]:
    """Lines for the README; none where nothing was estimated."""
    if not estimate:
        return []
    tiles = estimate["tiles"]
    lines = [
        "Area with its confidence interval",
        f"- Mined area: about {estimate['hectares']:.0f} hectares ({estimate['confidence']:.0%} confidence interval "
        f"{estimate['low']:.0f} to {estimate['high']:.0f}).",
        f"- From {tiles['judged']} tiles, drawn at random from the {tiles['searched']} searched (seed "
        f"{estimate['seed']}) and judged by experts who were not shown what the map says; "
        f"{tiles['unusable']} more could not be judged.",
    ]
    if estimate.get("of_run"):
        lines.append(f"- They were drawn from run {estimate['of_run']}, which searched the very same tiles.")
    if estimate.get("map_changed"):
        lines.append(
            f"- The map has changed since the tiles were drawn on {estimate['drawn']}, at {estimate['map_changed']} "
            "places: what follows of it is of the map as it was then. The hectares do not depend on it."
        )
    for name, what in (
        ("precision", "of what is on the map is mining"),
        ("recall", "of mining is on the map"),
    ):
        for key, unit in (("area", "of the area"), ("tiles", "of the tiles")):
            figure = estimate[name][key]
            if figure is not None:
                lines.append(
                    f"- {figure['value']:.0%} ({figure['low']:.0%} to {figure['high']:.0%}) {what}, {unit}."
                )
    lines += [
        f"- {STRATA[stratum['name']].capitalize()}: no mining was seen on {stratum['judged']} of "
        f"{stratum['tiles']} tiles; up to {stratum['high']:.0f} hectares there cannot be excluded."
        for stratum in estimate["strata"]
        if stratum["method"] == "bound"
    ]
    lines += [f"- {METHOD}", ""]
    return lines
