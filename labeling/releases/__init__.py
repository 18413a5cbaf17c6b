"""Numbered, immutable maps: publishing, the catalogue, what differs between two, maps from elsewhere."""
