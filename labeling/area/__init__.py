"""The mined area: a random sample of tiles, judged blind, and the estimate that follows from it."""
