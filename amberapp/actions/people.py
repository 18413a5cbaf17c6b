"""Accounts and their roles."""

from django.db import transaction
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import Conflict, NotThere, UserError
from amberapp.models import Role, User


@transaction.atomic
def change_role(*, person_id: str, role: str, acting_user: User) -> User:
    """Give a person another role. The last admin cannot lose theirs."""
    if role not in Role.values:
        raise UserError(_("There is no role “%(role)s”.") % {"role": role[:40]})
    person = (
        User.objects.select_for_update().filter(pk=int(person_id)).first()
        if person_id.isdecimal() and len(person_id) < 19
        else None
    )
    if person is None:
        raise NotThere(_("There is no such account."))
    admins = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True)
    if person.role == Role.ADMIN and role != Role.ADMIN and not admins.exclude(pk=person.pk).exists():
        raise Conflict(_("This is the last admin: make somebody else an admin first."))
    before, person.role = person.role, role
    person.save(update_fields=["role"])
    record(acting_user, "person.role_changed", person, before=before, after=role)
    return person
