"""What settings name by its dotted path must be importable first, whichever process asks for it first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "module", ["amberapp.api", "amberapp.backends", "rest_framework.views", "amberapp.urls"]
)
def test_a_module_that_settings_name_can_be_the_first_one_imported(module: str, tmp_path: Path) -> None:
    script = f"import django; django.setup(); import {module}"
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AMBER_", "PYTEST_", "DJANGO_"))
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={
            **environment,
            "DJANGO_SETTINGS_MODULE": "amberapp.settings",
            "AMBER_DEMO": "1",
            "AMBER_HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
