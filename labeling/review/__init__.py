"""Experts' verdicts on what the machine found: one by one, in a gallery, and the map as it was at any moment."""
