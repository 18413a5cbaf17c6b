"""Measurements that anyone can repeat; the figures they gave are in docs/measurements.md."""
