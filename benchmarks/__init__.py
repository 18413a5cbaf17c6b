"""Measurements that anyone can repeat; the figures they gave are in docs/measurements.md."""

import amberapp  # noqa: F401 — pins the threads of numerical libraries, as in every process of Amber
