"""Finding what looks like a superpixel among millions of them: features compressed, kept in files, scanned whole.

Pure array code. Which tiles belong in an index, and when it is out of date, detection.look_alikes.index says.
"""

from detection.look_alikes.vectors.compression import Compression, fit
from detection.look_alikes.vectors.parts import Part, merge_parts, pack_part, read_part
from detection.look_alikes.vectors.scan import Neighbours, nearest, rank_again, spread_out

__all__ = [
    "Compression",
    "Neighbours",
    "Part",
    "fit",
    "merge_parts",
    "nearest",
    "pack_part",
    "rank_again",
    "read_part",
    "spread_out",
]
