"""Invented aerial pictures of a land that does not exist, for the demo, the tests and the benchmarks.

Nothing in them is taken from a photograph: every pixel follows from a number. They are drawn to be looked at and to
exercise the whole loop, not to train a classifier for real ground; a model fitted on them knows nothing of amber.
"""

from detection.scenes.acquisition import SEASONS, Acquisition, acquisition_of
from detection.scenes.land import KINDS
from detection.scenes.plan import ScenePlan, demo_grid, demo_tiles, with_clear_cuts
from detection.scenes.scene import Scene, render_scene

__all__ = [
    "KINDS",
    "SEASONS",
    "Acquisition",
    "Scene",
    "ScenePlan",
    "acquisition_of",
    "demo_grid",
    "demo_tiles",
    "render_scene",
    "with_clear_cuts",
]
