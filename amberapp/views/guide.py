"""The page that tells mining from what looks like it."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe


@dataclass(frozen=True)
class Lesson:
    """One thing that is mistaken for mining; `id` names its picture too, `drawing` says what that shows."""

    id: str
    drawing: Any
    title: Any
    text: Any


LESSONS = (
    Lesson(
        id="deforestation",
        drawing=gettext_lazy(
            "A drawing of a clear-cut: a pale patch with straight edges, parallel tracks and rows of stumps."
        ),
        title=gettext_lazy("Clear-cut forest"),
        text=gettext_lazy(
            "Straight edges, cut by a plan. Inside, parallel tracks of machines and stumps in rows, or piles of"
            " branches. The ground is scratched but flat: no pits, no pale rings. Mining often begins beside "
            "one, so look along its border."
        ),
    ),
    Lesson(
        id="sand_pit",
        drawing=gettext_lazy(
            "A drawing of a sand pit: one large smooth bowl with terraces, water at the bottom and a road in."
        ),
        title=gettext_lazy("Sand pit"),
        text=gettext_lazy(
            "One large bowl with smooth walls and steps, and a wide road for lorries. Sand lies in even sheets."
            " Mining is the opposite: hundreds of small holes and no road worth the name."
        ),
    ),
    Lesson(
        id="field",
        drawing=gettext_lazy(
            "A drawing of ploughed fields: large even areas with straight borders and furrows all one way."
        ),
        title=gettext_lazy("Ploughed field"),
        text=gettext_lazy(
            "Straight borders, furrows that run one way, even colour over a large area. Pale spots on dry "
            "hilltops have soft edges and no dark middle."
        ),
    ),
    Lesson(
        id="snow",
        drawing=gettext_lazy(
            "A drawing of melting snow: white lies everywhere, on fields, on the road and between trees, with "
            "dark patches showing through."
        ),
        title=gettext_lazy("Snow"),
        text=gettext_lazy(
            "Look at the rest of the picture. If roads, fields and gaps between trees are white too, it is snow"
            " that melts in patches. Sand is yellowish; snow is white or blue. The date in the corner helps."
        ),
    ),
    Lesson(
        id="settlement",
        drawing=gettext_lazy(
            "A drawing of a village: roofs with straight sides and shadows along a road, each with a garden."
        ),
        title=gettext_lazy("Settlement"),
        text=gettext_lazy(
            "Roofs are bright and small like pits, but their sides are straight, they stand along a road and "
            "cast a shadow to one side only. Gardens lie behind them in strips."
        ),
    ),
    Lesson(
        id="cemetery",
        drawing=gettext_lazy(
            "A drawing of a cemetery: small bright stones in rows, crossing paths, a straight fence and single "
            "trees."
        ),
        title=gettext_lazy("Cemetery"),
        text=gettext_lazy(
            "Small bright dots in rows, paths at right angles, a straight fence, old trees scattered over it. "
            "It lies near a village. Pits are never in rows."
        ),
    ),
    Lesson(
        id="cloud",
        drawing=gettext_lazy(
            "A drawing of a cloud: a white patch with a soft edge, and its dark shadow apart from it."
        ),
        title=gettext_lazy("Cloud"),
        text=gettext_lazy(
            "White with nothing in it, a soft edge, and a dark shadow of the same shape some way off. What lies"
            " under a cloud cannot be judged: say not mining, cloud."
        ),
    ),
)


@require_safe
def how_to_tell(request: HttpRequest) -> HttpResponse:
    return render(request, "amberapp/how_to_tell.html", {"lessons": LESSONS})
