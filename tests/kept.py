"""Ground that takes long to make: made once in a process, put back from memory for every test that stands on it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import transaction

Rows = dict[Any, dict[Any, dict[str, Any]]]  # model → number → fields


@dataclass(frozen=True)
class Kept:
    """What a maker left behind: new rows, rows it changed, and files by their path under the site's home."""

    new: list[tuple[Any, list[Any]]]
    changed: list[tuple[Any, Any, dict[str, Any]]]
    files: dict[Path, bytes]

    def put_back(self, home: Path) -> None:
        for path, data in self.files.items():
            file = home / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        with transaction.atomic():
            for model, rows in self.new:
                # As they are: no signal, no time of creation of its own.
                model._base_manager.all()._insert(rows, fields=model._meta.local_concrete_fields, raw=True)
            for model, number, fields in self.changed:
                assert model._base_manager.filter(pk=number).update(**fields) == 1


KEPT: dict[str, Kept] = {}


def keep(name: str, home: Path, make: Callable[[], object]) -> None:
    """Leave rows and files as `make` leaves them. Where it begins must be the same for all who call it so."""
    if name in KEPT:
        KEPT[name].put_back(home)
        return
    rows, files = _rows(), set(_files(home))
    make()
    new, changed = [], []
    for model, found in _rows().items():
        before = rows[model]
        numbers = found.keys() - before.keys()
        if numbers:
            new.append((model, list(model._base_manager.filter(pk__in=numbers).order_by("pk"))))
        changed += [(model, pk, row) for pk, row in found.items() if pk in before and row != before[pk]]
    kept_files = {path.relative_to(home): path.read_bytes() for path in _files(home) if path not in files}
    KEPT[name] = Kept(new, changed, kept_files)


def _rows() -> Rows:
    models = [model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy]
    return {
        model: {row[model._meta.pk.attname]: row for row in model._base_manager.values()} for model in models
    }


def _files(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file()]
