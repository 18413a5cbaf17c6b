"""Regions, imagery sources, districts, and the way in for tiles."""
