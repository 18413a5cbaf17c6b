"""Accounts and their roles."""

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import Conflict, NotThere, UserError
from amberapp.models import Role, User
from amberapp.web.parameters import row_number


@transaction.atomic
def change_role(*, person_id: str, role: str, acting_user: User) -> User:
    """Give a person another role. The last admin cannot lose theirs."""
    if role not in Role.values:
        raise UserError(_("There is no role “%(role)s”.") % {"role": role[:40]})
    number = row_number(person_id) or 0
    # With the admins, by rising number: two who take each other's role at once follow one another.
    concerned = Q(pk=number) | Q(role=Role.ADMIN, is_active=True)
    accounts = {
        one.pk: one for one in User.objects.select_for_update(no_key=True).filter(concerned).order_by("pk")
    }
    person = accounts.pop(number, None)
    if person is None:
        raise NotThere(_("There is no such account."))
    if person.role == Role.ADMIN and role != Role.ADMIN and not accounts:
        raise Conflict(_("This is the last admin: make somebody else an admin first."))
    before, person.role = person.role, role
    person.save(update_fields=["role"])
    record(acting_user, "person.role_changed", person, before=before, after=role)
    return person
