"""What the web process is made of: small, and without the machine's heavy libraries."""

import subprocess
import sys

from tests.paths import ROOT

PROBE = """
import os, sys
os.environ["AMBER_HOME"] = sys.argv[1]
os.environ["AMBER_DEMO"] = "1"
import amberapp.wsgi
from django.urls import get_resolver
get_resolver().url_patterns
from django.test import Client
Client(SERVER_NAME="localhost").get("/health/")
heavy = sorted({name.split(".")[0] for name in sys.modules} & {"tensorflow", "keras", "xgboost", "sklearn", "skimage", "cv2", "openvino"})
pages = int(open("/proc/self/statm").read().split()[1])
print(",".join(heavy) or "none", pages * os.sysconf("SC_PAGE_SIZE") // 2**20)
"""


def test_the_web_process_loads_no_machine_learning_and_stays_under_200_mb(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy, megabytes = done.stdout.split()[-2:]
    assert heavy == "none"
    assert int(megabytes) <= 200
