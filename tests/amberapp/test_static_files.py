"""Under hashed names the modules still find each other, and nothing that a style sheet names is missing."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings

IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""")
HASHED = re.compile(r"\.[0-9a-f]{12}\.")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("static")
    storages = {
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "staticfiles": {"BACKEND": "amberapp.web.staticfiles.HashedStaticFiles"},
    }
    with override_settings(STATIC_ROOT=root, STORAGES=storages):
        call_command("collectstatic", interactive=False, verbosity=0)
    return root


def test_imports_between_modules_lead_to_hashed_files(collected: Path) -> None:
    modules = [path for path in (collected / "js").rglob("*.js") if HASHED.search(path.name)]
    assert modules
    for module in modules:
        for target in IMPORT.findall(module.read_text(encoding="utf-8")):
            assert HASHED.search(target), f"{module.name} imports {target}, which is not hashed"
            assert (module.parent / target).resolve().is_file(), f"{module.name} imports {target}"


def test_style_sheets_name_files_that_exist(collected: Path) -> None:
    sheets = [path for path in (collected / "css").glob("*.css") if HASHED.search(path.name)]
    assert sheets
    for sheet in sheets:
        # What begins with # is a part of the page itself, such as a filter.
        for target in re.findall(r'url\("?([^"#)][^")]*)"?\)', sheet.read_text(encoding="utf-8")):
            assert (sheet.parent / target).resolve().is_file(), f"{sheet.name} names {target}"
