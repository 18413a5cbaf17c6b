"""Every environment variable that Amber reads, in one typed table.

`docs/configuration.md` documents the same table; a test holds the two together. Nothing else in the
project reads the environment for settings.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class ConfigurationError(Exception):
    """A variable is missing or cannot be read; the message names it and the way out."""


class Address(str):
    """https:// or http:// and a host, with a port or without; no path after it."""


@dataclass(frozen=True)
class Variable:
    """One environment variable: its type is that of its default unless `kind` says otherwise."""

    name: str
    kind: type
    default: Any
    meaning: str


TABLE: tuple[Variable, ...] = (
    Variable("AMBER_HOME", str, "var", "Directory under which everything the site writes lies."),
    Variable("AMBER_DEMO", bool, False, "Demo mode: demo accounts, loopback addresses only."),
    Variable("AMBER_DEBUG", bool, False, "Django's debug pages; never in production."),
    Variable("AMBER_SECRET_KEY", str, "", "Signing key; required outside demo mode and tests."),
    Variable("AMBER_ALLOWED_HOSTS", list, (), "Host names the site answers to, separated by commas."),
    Variable("AMBER_TRUSTED_ORIGINS", list, (), "Origins (https://…) that may send forms, comma separated."),
    Variable("AMBER_HTTPS", bool, False, "The site stands behind HTTPS: secure cookies, HSTS, redirects."),
    Variable("AMBER_DATABASE_URL", str, "", "postgres://… ; empty means SQLite under AMBER_HOME."),
    Variable(
        "AMBER_REDIS_URL", str, "", "redis://… ; empty means no broker: commands work in their own process."
    ),
    Variable(
        "AMBER_CACHE_URL",
        str,
        "",
        "redis://… of a server that writes nothing to a disk; empty: each process counts in its own memory.",
    ),
    Variable(
        "AMBER_S3_BUCKET",
        str,
        "",
        "Bucket for images, rasters, features, models and releases; empty means local files.",
    ),
    Variable("AMBER_S3_ENDPOINT", str, "", "Address of an S3-compatible store; empty means Amazon's."),
    Variable("AMBER_S3_REGION", str, "", "Region of the bucket."),
    Variable("AMBER_S3_ACCESS_KEY", str, "", "Access key of the bucket."),
    Variable("AMBER_S3_SECRET_KEY", str, "", "Secret key of the bucket."),
    Variable(
        "AMBER_FEATURE_CACHE_GB",
        int,
        20,
        "With a bucket: GiB of feature chunks each machine keeps copies of.",
    ),
    Variable(
        "AMBER_DATA_LICENCE",
        str,
        "Creative Commons Attribution 4.0 (CC BY 4.0)",
        "Licence of outlines, figures and labels, as each release states it.",
    ),
    Variable(
        "AMBER_PUBLISHER", str, "Amber", "Who publishes the maps, as the citation in each release says."
    ),
    Variable(
        "AMBER_SITE_URL",
        Address,
        "",
        "https://… by which readers find the site; release files then name whole addresses. Empty: they name none.",
    ),
    Variable(
        "AMBER_EMAIL_URL",
        str,
        "",
        "smtp://user:password@host:port ; empty: no letters to those who report, all others go to the log.",
    ),
    Variable("AMBER_FROM_EMAIL", str, "amber@localhost", "Sender of the site's letters."),
    Variable(
        "AMBER_REPORT_KEY",
        str,
        "",
        "Fernet key that seals reporters' e-mails; empty derives one from the secret key.",
    ),
    Variable(
        "AMBER_RESNET50_WEIGHTS",
        str,
        "",
        "File with Keras ResNet50 weights (no top); empty tries Keras' own download.",
    ),
    Variable("AMBER_RESNET50_WEIGHTS_SHA256", str, "", "Expected SHA-256 of that file."),
    Variable(
        "AMBER_EXTRACTOR",
        str,
        "texture-lite0",
        "Feature extractor for new work: texture-lite0, texture, resnet50 or resnet50-dense.",
    ),
    Variable(
        "AMBER_LEASE_SECONDS", int, 60, "How long a worker holds a piece of work between signs of life."
    ),
    Variable("AMBER_SHARD_TILES", int, 64, "Tiles in one shard of a run."),
    Variable("AMBER_REPORTS_PER_HOUR", int, 10, "Reports one sender may make in an hour."),
)

_ADDRESS = re.compile(r"https?://[^/?#\s]+")
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def read(environ: Mapping[str, str]) -> dict[str, Any]:
    """Read the table from `environ`.

    Raises ConfigurationError for a value that does not fit its type, and for a variable that begins
    with AMBER_ and is not in the table (a misspelt setting must not be silently ignored).
    """
    known = {variable.name for variable in TABLE}
    unknown = sorted(name for name in environ if name.startswith("AMBER_") and name not in known)
    if unknown:
        raise ConfigurationError(
            f"Unknown setting {', '.join(unknown)}: see docs/configuration.md for the names that exist."
        )
    return {variable.name: _value(variable, environ.get(variable.name)) for variable in TABLE}


def _value(variable: Variable, text: str | None) -> Any:
    if text is None:
        return list(variable.default) if variable.kind is list else variable.default
    if variable.kind is bool:
        if text.lower() in _TRUE:
            return True
        if text.lower() in _FALSE:
            return False
        raise ConfigurationError(f"{variable.name} is {text!r}: write 1 or 0.")
    if variable.kind is int:
        try:
            number = int(text)
        except ValueError:
            raise ConfigurationError(f"{variable.name} is {text!r}: write a whole number.") from None
        if number < 1:
            raise ConfigurationError(f"{variable.name} is {text!r}: write a whole number of at least 1.")
        return number
    if variable.kind is list:
        return [part.strip() for part in text.split(",") if part.strip()]
    if variable.kind is Address:
        text = text.strip().rstrip("/")
        if text and not _ADDRESS.fullmatch(text):
            raise ConfigurationError(
                f"{variable.name} is {text!r}: write https:// and the site's host, such as https://map.example.org."
            )
    return text


# Threads of numerical libraries ---------------------------------------------------------------------------------------

POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


def pin_pools() -> None:
    """One thread for each library's pool that nobody has given another number, in every process of Amber (ADR 20).

    Cores are filled by worker processes and by the threads that a worker starts itself, one a tile. A library that starts
    a thread a core inside each of them makes more threads than cores, and they spend their time waiting for each
    other. Importing `amberapp` calls it, so commands, workers, the web process and their children do before NumPy is there.
    """
    for name in POOLS:
        os.environ.setdefault(name, "1")
