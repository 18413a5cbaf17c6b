"""Look-alikes in an index of ten million superpixels: how long, how large, how near to the truth.

    python -m benchmarks.look_alikes [--superpixels 10000000] [--dimension 416] [--components 48]

Features are made: 24 hidden causes that fall off in strength, noise in every feature, every tenth superpixel of one of
50 kinds that lie close together, as look-alikes do. Nothing of Django is needed. Told are process seconds too, because
the machine may be busy; recall is measured against an exact search of the full features over a subset.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detection.look_alikes.vectors import Part, fit, nearest, pack_part, rank_again, read_part
from detection.look_alikes.vectors.compression import Compression

CAUSES, KINDS, TILE = 24, 50, 25
BLOCK = 20_000
PART = 1_000_000
SAMPLE = 20_000
QUESTIONS = 20
WANTED, AGAIN = 50, 400


def blocks(rows: int, dimension: int, seed: int = 1) -> Iterator[npt.NDArray[np.float32]]:
    """float32 (≤ BLOCK, dimension) at a time, `rows` in all; the same arguments, the same features."""
    random = np.random.default_rng(7)
    strengths = np.geomspace(3, 0.4, CAUSES)
    mixing = (random.normal(size=(CAUSES, dimension)) * strengths[:, None]).astype(np.float32)
    kinds = (2 * random.normal(size=(KINDS, CAUSES))).astype(np.float32)
    noise = random.normal(size=(BLOCK + 997, dimension)).astype(np.float32)
    for start in range(0, rows, BLOCK):
        count = min(BLOCK, rows - start)
        here = np.random.default_rng([seed, start])
        causes = here.normal(size=(count, CAUSES)).astype(np.float32)
        special = np.flatnonzero(here.random(count) < 0.1)
        kind = here.integers(0, KINDS, len(special))
        causes[special] = kinds[kind] + 0.3 * causes[special]
        shift = int(here.integers(0, 997))
        # Noise comes from one pool, moved about: drawing it anew would take longer than the index.
        yield causes @ mixing + noise[shift : shift + count]


def build(folder: Path, rows: int, dimension: int, components: int) -> tuple[Compression, list[Part], float]:
    """(compression, parts, process seconds of fitting, encoding and writing without making the features)."""
    sample = np.concatenate([block[::10] for block in blocks(10 * SAMPLE, dimension, seed=2)])[:SAMPLE]
    started = time.process_time()
    compression = fit(sample, components)
    spent = time.process_time() - started
    parts: list[Part] = []
    codes: list[npt.NDArray[np.int8]] = []
    squares: list[npt.NDArray[np.float32]] = []
    done = 0
    for block in blocks(rows, dimension):
        started = time.process_time()
        codes.append(compression.encode(block))
        squares.append(compression.squares(codes[-1]))
        done += len(block)
        if sum(map(len, codes)) >= PART or done == rows:
            held = sum(map(len, codes))
            counts = [TILE] * (held // TILE) + ([held % TILE] if held % TILE else [])
            first = (done - held) // TILE
            path = folder / f"{len(parts)}.part"
            path.write_bytes(pack_part(range(first, first + len(counts)), counts, squares, codes))
            parts.append(read_part(path))
            codes, squares = [], []
        spent += time.process_time() - started
    return compression, parts, spent


def recall(rows: int, dimension: int, components: int) -> tuple[float, float]:
    """Share of the exact 50 nearest that the index finds: by codes alone, and ranked again by full features."""
    features = np.concatenate(list(blocks(rows, dimension)))
    compression = fit(features[:: max(1, rows // SAMPLE)], components)
    codes = compression.encode(features)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.part"
        path.write_bytes(pack_part([0], [rows], [compression.squares(codes)], [codes]))
        parts = [read_part(path)]
        full = compression.standardise(features)
        lengths = np.einsum("ij,ij->i", full, full)
        found, again = [], []
        for number in np.random.default_rng(3).integers(0, rows, QUESTIONS):
            asked = features[[number]]
            exact = set(np.argsort(lengths - 2 * full @ full[number])[:WANTED].tolist())
            rough = nearest(parts, compression, asked, AGAIN)
            found.append(len(exact & set((rough.superpixel[:WANTED] - 1).tolist())) / WANTED)
            better = rank_again(compression, rough, features[rough.superpixel - 1], asked, WANTED)
            again.append(len(exact & set((better.superpixel - 1).tolist())) / WANTED)
    return float(np.mean(found)), float(np.mean(again))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--superpixels", type=int, default=10_000_000)
    parser.add_argument("--dimension", type=int, default=416, help="numbers a superpixel before compression")
    parser.add_argument("--components", type=int, default=48)
    parser.add_argument("--subset", type=int, default=100_000, help="superpixels of the exact search")
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compression, parts, spent = build(folder, chosen.superpixels, chosen.dimension, chosen.components)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(
            f"{chosen.superpixels:,} superpixels of {chosen.dimension} features: index of {size / 1e6:.0f} MB, "
            f"{size / chosen.superpixels:.1f} bytes a superpixel, {len(parts)} files; "
            f"built in {spent:.1f} process seconds ({1e6 * spent / chosen.superpixels:.2f} s a million)"
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory so far {peak:.0f} MB (with the making of features)")
        questions = next(blocks(BLOCK, chosen.dimension))[:: BLOCK // QUESTIONS][:QUESTIONS]
        for label, asked in (
            ("one superpixel", [question[None] for question in questions]),
            ("eight at once", [questions[:8], questions[8:16]]),
        ):
            walls, used = [], []
            for question in asked:
                began, cpu = time.perf_counter(), time.process_time()
                nearest(parts, compression, question, AGAIN)
                walls.append(time.perf_counter() - began)
                used.append(time.process_time() - cpu)
            print(
                f"nearest {AGAIN} to {label}: {np.median(walls):.2f} s (slowest {max(walls):.2f}), "
                f"{np.median(used):.2f} process seconds; load {os.getloadavg()[0]:.1f}"
            )
        private = next(
            int(line.split()[1])
            for line in Path("/proc/self/status").read_text().splitlines()
            if line.startswith("RssAnon")
        )
        print(f"memory that is not the files' own pages: {private / 1024:.0f} MB")
    by_codes, by_features = recall(chosen.subset, chosen.dimension, chosen.components)
    print(
        f"recall@{WANTED} against the exact search of full features over {chosen.subset:,}: {by_codes:.3f} by codes, "
        f"{by_features:.3f} with the best {AGAIN} ranked again"
    )


if __name__ == "__main__":
    main()
