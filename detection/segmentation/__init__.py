"""Dividing a tile into superpixels, keeping the division in a small PNG, and drawing its outlines.

`slic` divides, `raster` stores, `outlines` traces. Pure array code: arrays in, arrays and geometry out.
"""
