"""The public map as plain files, for any file server: pages in every language, release files, pictures, scripts, styles.

The pages are those of the site itself, fetched from it in this process; addresses in them are made relative, so that the
copy may lie in any folder. What a plain file server cannot do (forms, reports, accounts, the API) leads to the site; what
is narrowed or turned over by links (lists by year, changes by reason, pages) is copied, one file an address. Only pictures
whose source allows showing them are copied, and those of an earlier copy that may not be shown any more are deleted.
"""

import json
import posixpath
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.files.storage import default_storage
from django.http.request import split_domain_port, validate_host
from django.test import Client
from django.urls import Resolver404, resolve
from django.utils.html import json_script
from django.utils.translation import gettext as _

from amberapp.errors import NotThere, UserError
from amberapp.storage import sha256_of, write_atomically
from labeling.public.addresses import ANY_PLACE
from labeling.public.pictures import SIZES, published_picture
from labeling.releases.catalogue import PublishedRelease, may_show, published

Progress = Callable[[int, int, str], None]

PAGES = {
    "public-map",
    "region-map",
    "release-map",
    "place",
    "place-list",
    "release-list",
    "release-compare",
    "how-to-tell",
    "about",
}
DATA = {"release-compare-map", "release-compare-csv"}
# Written in this copy's root, so that the next one knows that the folder is its own.
MARK = "amber-copy.json"
# Static files of the API's pages, which a copy does not have.
NOT_COPIED = ("drf_spectacular_sidecar", "rest_framework", "admin")
# Bytes of a folder's name; file systems take 255.
LONGEST_NAME = 200
_ATTRIBUTE = re.compile(r'\b(href|src|action)="([^"]*)"')
_DATA = re.compile(r'<script id="([\w-]+)" type="application/json">(.*?)</script>', re.DOTALL)
_LANGUAGES = re.compile(r'<form class="language".*?</form>', re.DOTALL)
_BUTTON = re.compile(r'<button[^>]*value="([\w-]+)"[^>]*>(.*?)</button>', re.DOTALL)
_TOKENS = re.compile(r'<input type="hidden" name="csrfmiddlewaretoken"[^>]*>|<meta name="csrf-token"[^>]*>')


@dataclass
class Copied:
    pages: int = 0
    files: int = 0
    pictures: int = 0
    removed: int = 0

    def as_dict(self) -> dict[str, int]:
        return dict(vars(self))


def copy_site(directory: Path, *, site: str, progress: Progress | None = None) -> Copied:
    """Write the copy into `directory` (new, empty, or an earlier copy); `site` is the site's own address.

    Raises UserError for a folder that holds something else, an address that is none, or where nothing is published.
    """
    # Not urlsplit, which does not take every text that a person can mistype.
    parts = re.match(r"(https?)://([^/?#\s]+)", site)
    if parts is None:
        raise UserError(
            _("The site's address begins with https:// or http://, not “%(site)s”.") % {"site": site}
        )
    if not published():
        raise UserError(_("Nothing has been published yet: there is nothing to copy."))
    if directory.exists() and any(directory.iterdir()) and not (directory / MARK).is_file():
        raise UserError(
            _("%(directory)s holds other files: name a new folder, or one with an earlier copy.")
            % {"directory": directory}
        )
    host, _port = split_domain_port(parts[2])
    if not validate_host(host, settings.ALLOWED_HOSTS):
        raise UserError(
            _(
                "This site does not answer to %(host)s: name it in AMBER_ALLOWED_HOSTS, or give another --site."
            )
            % {"host": parts[2]}
        )
    write_atomically(directory / MARK, b"{}")
    copied = Copied()
    # Before anything that can fail: what may not be shown any more leaves the copy whatever becomes of the rest.
    _forget_pictures(directory / "pictures", copied)
    _copy_static(directory / "static", copied)
    for release in published():
        _copy_release(release, directory, copied)
    _copy_pictures(directory / "pictures", copied, progress)
    _Pages(directory, f"{parts[1]}://{parts[2]}", copied, progress).write()
    releases = [f"{one.region.slug}/{one.number}" for one in published()]
    write_atomically(directory / MARK, json.dumps({"site": site, "releases": releases}).encode())
    return copied


def _copy_static(target: Path, copied: Copied) -> None:
    """The collected files with their hashed names, or, where nothing is collected, those of the source folders."""
    root = Path(settings.STATIC_ROOT)
    if (root / "staticfiles.json").is_file():
        found: Iterator[tuple[str, Any]] = (
            (path.relative_to(root).as_posix(), path.read_bytes)
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.suffix not in (".gz", ".br")
        )
    else:
        found = (
            (name, partial(_read, storage, name))
            for finder in get_finders()
            for name, storage in finder.list([])
        )
    for name, read in found:
        if name.split("/")[0] not in NOT_COPIED:
            _write(target / name, read())
            copied.files += 1


def _write(path: Path, data: bytes) -> None:
    """A file that says this already is left alone: a second copy flushes, and a mirror sends, what has changed only."""
    try:
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return
    except (FileNotFoundError, NotADirectoryError):
        pass
    write_atomically(path, data)


def _read(storage: Any, name: str) -> bytes:
    with storage.open(name) as file:
        return bytes(file.read())


def _copy_release(release: PublishedRelease, directory: Path, copied: Copied) -> None:
    folder = directory / "releases" / release.region.slug / str(release.number)
    for file in release.files:
        path = folder / file.name
        copied.files += 1
        # Files of a release never change.
        if path.is_file() and path.stat().st_size == file.size:
            continue
        try:
            with default_storage.open(file.key, "rb") as stored:
                write_atomically(path, iter(partial(stored.read, 2**20), b""))
        except FileNotFoundError:
            raise NotThere(
                _("The file %(name)s of release %(release)s is missing from the site's storage.")
                % {"name": file.name, "release": release}
            ) from None


def _shown_pictures() -> dict[str, PublishedRelease]:
    return {
        place: release for release in published() for place in release.pictures if may_show(release, place)
    }


def _forget_pictures(folder: Path, copied: Copied) -> None:
    wanted = _shown_pictures()
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.stem not in wanted:
            path.unlink()
            copied.removed += 1


def _copy_pictures(folder: Path, copied: Copied, progress: Progress | None) -> None:
    """One picture for each image of ground, whichever releases show it; none whose right has been taken back."""
    wanted = _shown_pictures()
    for number, (place, release) in enumerate(sorted(wanted.items(), key=lambda pair: pair[0])):
        if progress is not None:
            progress(number, len(wanted), _("pictures"))
        path = folder / f"{place}.webp"
        if not path.is_file():
            try:
                write_atomically(path, published_picture(release, place, SIZES[-1])[0])
            except NotThere:
                continue
        copied.pictures += 1


@dataclass
class _Pages:
    """Follows the links of the site's public pages, language by language."""

    directory: Path
    site: str
    copied: Copied
    progress: Progress | None
    waiting: deque[tuple[str, str]] = field(default_factory=deque)
    seen: set[tuple[str, str]] = field(default_factory=set)

    def write(self) -> None:
        host = urlsplit(self.site)
        client = Client(
            SERVER_NAME=host.hostname or "",
            SERVER_PORT=str(host.port or (443 if host.scheme == "https" else 80)),
        )
        secure = host.scheme == "https"
        for language, _name in settings.LANGUAGES:
            self._want(language, "/")
        while self.waiting:
            language, address = self.waiting.popleft()
            answer = client.get(address, secure=secure, headers={"accept-language": language})
            if answer.status_code == 302:
                answer = client.get(answer["Location"], secure=secure, headers={"accept-language": language})
            if answer.status_code != 200:
                raise UserError(
                    _("%(address)s cannot be copied: the site answered %(status)s.")
                    % {"address": address, "status": answer.status_code}
                )
            target = self._target(language, address)
            data = answer.getvalue() if answer.streaming else answer.content
            if answer["Content-Type"].startswith("text/html"):
                data = self._rewritten(data.decode(), language, address, posixpath.dirname(target)).encode()
                self.copied.pages += 1
            else:
                self.copied.files += 1
            _write(self.directory / target, data)
            if self.progress is not None:
                self.progress(len(self.seen) - len(self.waiting), len(self.seen), _("pages"))

    def _want(self, language: str, address: str) -> None:
        if (language, address) not in self.seen:
            self.seen.add((language, address))
            self.waiting.append((language, address))

    def _target(self, language: str, address: str) -> str:
        """The file of a page, from the copy's root: the site's own language at the root, others in their folders."""
        parts = urlsplit(address)
        folder = parts.path.strip("/")
        if language != settings.LANGUAGE_CODE:
            folder = posixpath.join(language, folder)
        if not parts.path.endswith("/"):
            return folder
        query = "-".join(f"{name}-{value}" for name, value in sorted(parse_qsl(parts.query)))
        name = re.sub(r"[^\w-]", "_", query)
        if name != query or len(name.encode()) > LONGEST_NAME:
            # Two districts must not share a folder, and no file system takes the longest of their names.
            name = f"{name[:40]}-{sha256_of(query.encode())[:12]}"
        return posixpath.join(folder, name, "index.html")

    def _rewritten(self, text: str, language: str, address: str, folder: str) -> str:
        def attribute(match: re.Match[str]) -> str:
            link = unescape(match[2])
            if match[1] == "action" and link.startswith("/"):
                to = self.site + link  # nobody answers a form here
            else:
                to = self._link(link, language, address, folder)
            return f'{match[1]}="{escape(to)}"'

        def data(match: re.Match[str]) -> str:
            told = self._values(json.loads(match[2]), language, address, folder)
            return str(json_script(told, match[1]))

        def languages(match: re.Match[str]) -> str:
            links = []
            for code, name in _BUTTON.findall(match[0]):
                self._want(code, address)
                to = self._relative(self._target(code, address), folder)
                links.append(
                    f'<a class="nav-link" href="{escape(to)}" lang="{code}" hreflang="{code}">{name}</a>'
                )
            return f'<div class="language">{"".join(links)}</div>'

        text = _ATTRIBUTE.sub(attribute, _TOKENS.sub("", text))
        text = _LANGUAGES.sub(languages, text)
        return _DATA.sub(data, text)

    def _values(self, value: Any, language: str, address: str, folder: str) -> Any:
        """Data for scripts: every text that is an address on the site is made relative."""
        if isinstance(value, dict):
            return {name: self._values(one, language, address, folder) for name, one in value.items()}
        if isinstance(value, list):
            return [self._values(one, language, address, folder) for one in value]
        if isinstance(value, str) and value.startswith("/") and not value.startswith("//"):
            if value.startswith("/api/"):
                return ""  # scripts then lead to the site instead
            return self._link(value, language, address, folder)
        return value

    def _link(self, link: str, language: str, address: str, folder: str) -> str:
        """Where a link of the page at `address` leads in the copy: relative, or to the site."""
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or link.startswith("#"):
            return link
        path = parts.path or urlsplit(address).path
        if not path.startswith("/"):
            return link
        after = f"#{parts.fragment}" if parts.fragment else ""
        if path.startswith(settings.STATIC_URL):
            return self._relative("static/" + path.removeprefix(settings.STATIC_URL), folder)
        name, values = _named(path)
        if name == "release-file":
            inner = path.strip("/") if values["name"] else path.strip("/") + "/"
            return self._relative(inner, folder)
        if name == "place-picture":
            return self._relative(f"pictures/{values['place_id']}.webp", folder)
        whole = path + (f"?{parts.query}" if parts.query else "")
        if name in DATA:
            self._want(language, path)
            return self._relative(self._target(language, path), folder)
        if name in PAGES:
            if values.get("place_id") != ANY_PLACE:
                self._want(language, whole)
            return self._relative(self._target(language, whole), folder) + after
        return self.site + whole + after

    def _relative(self, target: str, folder: str) -> str:
        """From a page in `folder` to the file, or to the folder of a page."""
        if posixpath.basename(target) == "index.html":
            target = posixpath.dirname(target) + "/"
        to = posixpath.relpath("/" + target.rstrip("/"), "/" + folder)
        return to + "/" if target.endswith("/") else to


@lru_cache(maxsize=8192)
def _named(path: str) -> tuple[str, dict[str, Any]]:
    """(name of the address, its parts: not to be changed); ("", {}) for none. The folder of a release's files counts as a file of it."""
    for tried, added in ((path, False), (path + "x", True)):
        try:
            match = resolve(tried)
        except Resolver404:
            continue
        if added and match.url_name != "release-file":
            break
        values = match.kwargs
        if added:
            values = {**values, "name": ""}
        return match.url_name or "", values
    return "", {}
