"""Admins give roles and read the audit trail."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from amberapp.accounts.roles import change_role
from amberapp.models import AuditEntry, Role, User
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import role_required


@role_required(Role.ADMIN)
def people(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        person = change_role(
            person_id=request.POST.get("person", ""),
            role=request.POST.get("role", ""),
            acting_user=signed_in(request),
        )
        messages.success(
            request,
            _("%(name)s is now: %(role)s.") % {"name": person.username, "role": person.get_role_display()},
        )
        return redirect("people")
    page = Paginator(User.objects.order_by("username"), 50).get_page(request.GET.get("page"))
    return render(request, "amberapp/people.html", {"page": page, "roles": Role.choices})


@role_required(Role.ADMIN)
def audit(request: HttpRequest) -> HttpResponse:
    entries = AuditEntry.objects.select_related("actor")
    page = Paginator(entries, 50).get_page(request.GET.get("page"))
    return render(request, "amberapp/audit.html", {"page": page})
