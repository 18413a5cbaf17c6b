"""What citizens report about the public map, and what experts decide about it."""
