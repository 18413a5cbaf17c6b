"""Rows of the ground and of what the machine says. No NumPy here."""

from detection.models.classifier import Classifier, Dataset
from detection.models.features import FeatureChunk, TileFeatures
from detection.models.ground import District, ImagerySource, PlaceName, Region, Tile, TileKind
from detection.models.run import Detection, Run, Shard, TileFailure, TileScore, UnusualTile
from detection.models.superpixels import Segmentation, SegmentedTile

__all__ = [
    "Classifier",
    "Dataset",
    "Detection",
    "District",
    "FeatureChunk",
    "ImagerySource",
    "PlaceName",
    "Region",
    "Run",
    "SegmentedTile",
    "Segmentation",
    "Shard",
    "Tile",
    "TileFailure",
    "TileFeatures",
    "TileKind",
    "TileScore",
    "UnusualTile",
]
