"""One thread a pool in every process of Amber, unless the operator wants otherwise: read from the libraries themselves."""

import json
import os
import subprocess
import sys

import pytest

from amberapp.configuration import POOLS
from tests.paths import ROOT

# What a process finds after it has done something with each library that has threads.
ASKED = """
import cv2, numpy, json, sys
numpy.ones((64, 64)) @ numpy.ones((64, 64))
from threadpoolctl import threadpool_info
sys.stdout.write("\\n" + json.dumps([*(pool["num_threads"] for pool in threadpool_info()), cv2.getNumThreads()]))
"""
BEGINNINGS = {
    "a management command": [sys.executable, "manage.py", "shell", "--no-imports", "-v", "0", "-c", ASKED],
    "a worker": [sys.executable, "-c", "import amberapp.celery\n" + ASKED],
    "the web process": [sys.executable, "-c", "import amberapp.wsgi\n" + ASKED],
    "a benchmark": [sys.executable, "-c", "import benchmarks.crops\n" + ASKED],
}


def threads(command: list[str], home: str, **wanted: str) -> list[int]:
    clean = {name: value for name, value in os.environ.items() if name not in POOLS}
    environment = {**clean, "AMBER_HOME": home, "AMBER_SECRET_KEY": "k" * 50, "AMBER_DEMO": "1", **wanted}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("who", BEGINNINGS)
def test_every_process_has_one_thread_a_pool(who: str, tmp_path) -> None:
    (tmp_path / "static").mkdir()
    found = threads(BEGINNINGS[who], str(tmp_path))
    assert len(found) >= 2 and set(found) == {1}


@pytest.mark.slow
def test_what_the_operator_has_set_stays(tmp_path) -> None:
    (tmp_path / "static").mkdir()
    found = threads(BEGINNINGS["a worker"], str(tmp_path), OPENBLAS_NUM_THREADS="2")
    assert 2 in found
