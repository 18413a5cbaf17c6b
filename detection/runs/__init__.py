"""One classifier applied to a whole region: shards, pausing and resuming, comparing two runs."""
