"""Admins edit the list of what is taken for mining. Nothing is ever deleted: labels carry the slug.

Left out: reading the list (labeling.models.look_alike keeps it in the cache).
"""

from collections.abc import Mapping

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import Conflict, NotThere, UserError
from amberapp.models import User
from labeling.models import LookAlike

NAME_LENGTH = 40
HINT_LENGTH = 200
SLUG_LENGTH = 24
# More than these nobody chooses from; the desk has no room for them either.
MOST_OFFERED = 20


def look_alike_named(slug: str) -> LookAlike:
    """Raises NotThere."""
    row = LookAlike.objects.filter(slug=slug).first()
    if row is None:
        raise NotThere(_("There is no look-alike “%(name)s”.") % {"name": slug})
    return row


def add_look_alike(*, names: Mapping[str, str], hints: Mapping[str, str], acting_user: User) -> LookAlike:
    """Put a new look-alike at the end of the list. `names` and `hints` by language code, English required.

    Raises UserError, naming the field (`name_en`, `hint_uk` …), for texts that do not do and for one too many.
    """
    texts, notes = _checked(names, hints)
    slug = slugify(texts["en"]).replace("-", "_")[:SLUG_LENGTH].strip("_")
    if not slug:
        raise _wrong("name_en", _("Write the English name in Latin letters: its short form is made from it."))
    with transaction.atomic():
        rows = _held()
        if any(row.slug == slug for row in rows):
            raise _wrong(
                "name_en",
                _("There is a look-alike with the short form “%(slug)s” already.") % {"slug": slug},
            )
        _room_for_one(rows)
        row = LookAlike(slug=slug, names=texts, hints=notes, position=len(rows))
        row.save(force_insert=True)
        record(acting_user, "look_alike.added", row, names=texts)
    return row


def change_look_alike(
    *, slug: str, names: Mapping[str, str], hints: Mapping[str, str], acting_user: User
) -> LookAlike:
    """Change names and hints; the slug stays, for the labels that carry it. Raises UserError and NotThere."""
    texts, notes = _checked(names, hints)
    with transaction.atomic():
        row = _one(_held(), slug)
        before = {"names": row.names, "hints": row.hints}
        if before == {"names": texts, "hints": notes}:
            return row
        row.names, row.hints = texts, notes
        row.save(update_fields=["names", "hints"])
        record(acting_user, "look_alike.changed", row, before=before["names"], names=texts)
    return row


def move_look_alike(*, slug: str, up: bool, acting_user: User) -> LookAlike:
    """One place up or down among those that are offered. At the end of the list nothing happens."""
    with transaction.atomic():
        rows = _held()
        row = _one(rows, slug)
        offered = [one for one in rows if not one.retired]
        if row.retired:
            raise Conflict(_("“%(name)s” is not offered at the moment.") % {"name": row})
        place = offered.index(row)
        other = place - 1 if up else place + 1
        if not 0 <= other < len(offered):
            return row
        offered[place], offered[other] = offered[other], offered[place]
        for position, one in enumerate([*offered, *(one for one in rows if one.retired)]):
            if one.position != position:
                one.position = position
                one.save(update_fields=["position"])
        record(acting_user, "look_alike.moved", row, to=other + 1)
    return row


def retire_look_alike(*, slug: str, acting_user: User) -> LookAlike:
    """Offer it no more. What carries it keeps its name. Raises Conflict for the last one that is offered."""
    return _offer(slug, retired=True, acting_user=acting_user)


def bring_back_look_alike(*, slug: str, acting_user: User) -> LookAlike:
    """Offer it again. Raises UserError when the list is full."""
    return _offer(slug, retired=False, acting_user=acting_user)


def _offer(slug: str, *, retired: bool, acting_user: User) -> LookAlike:
    with transaction.atomic():
        rows = _held()
        row = _one(rows, slug)
        if row.retired == retired:
            return row
        if retired and sum(not one.retired for one in rows) == 1:
            raise Conflict(_("This is the only one that is offered: add another first."))
        if not retired:
            _room_for_one(rows)
        row.retired = retired
        row.save(update_fields=["retired"])
        record(acting_user, "look_alike.retired" if retired else "look_alike.brought_back", row)
    return row


def _held() -> list[LookAlike]:
    """All of them in their order, held by slug: held by their places, two who move some would wait in a ring."""
    rows = LookAlike.objects.select_for_update().order_by("slug")
    return sorted(rows, key=lambda row: (row.position, row.slug))


def _one(rows: list[LookAlike], slug: str) -> LookAlike:
    found = next((row for row in rows if row.slug == slug), None)
    if found is None:
        raise NotThere(_("There is no look-alike “%(name)s”.") % {"name": slug})
    return found


def _room_for_one(rows: list[LookAlike]) -> None:
    if sum(not row.retired for row in rows) >= MOST_OFFERED:
        raise UserError(
            _("%(most)s look-alikes are offered already: retire one first.") % {"most": MOST_OFFERED}
        )


def _checked(names: Mapping[str, str], hints: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Names and hints without empty ones, in the order of the site's languages."""
    texts: dict[str, str] = {}
    notes: dict[str, str] = {}
    for code, _language in settings.LANGUAGES:
        name = " ".join(names.get(code, "").split())
        hint = " ".join(hints.get(code, "").split())
        if len(name) > NAME_LENGTH:
            raise _wrong(
                f"name_{code}",
                _("A name has at most %(most)s characters; this one has %(length)s.")
                % {"most": NAME_LENGTH, "length": len(name)},
            )
        if len(hint) > HINT_LENGTH:
            raise _wrong(
                f"hint_{code}",
                _("A hint has at most %(most)s characters; this one has %(length)s.")
                % {"most": HINT_LENGTH, "length": len(hint)},
            )
        if code == "en" and not name:
            raise _wrong(
                "name_en",
                _("Give it an English name: it stands in where a translation is missing."),
            )
        if name:
            texts[code] = name
        if hint:
            notes[code] = hint
    return texts, notes


def _wrong(field: str, sentence: str) -> UserError:
    return UserError(sentence, fields={field: [sentence]})
