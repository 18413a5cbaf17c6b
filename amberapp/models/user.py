"""People and their roles."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person may do; each role includes the ones before it. A citizen has no account."""

    VOLUNTEER = "volunteer", _("Volunteer")
    EXPERT = "expert", _("Expert")
    ADMIN = "admin", _("Admin")


_RANK = {Role.VOLUNTEER: 1, Role.EXPERT: 2, Role.ADMIN: 3}


class User(AbstractUser):
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VOLUNTEER)
    # Its password is public: it opens nothing outside demo mode (see amberapp.backends).
    demo = models.BooleanField(default=False, editable=False)

    def has_role(self, role: str) -> bool:
        """True when this person's role includes `role`."""
        return self.is_active and _RANK[Role(self.role)] >= _RANK[Role(role)]

    @property
    def is_expert(self) -> bool:
        return self.has_role(Role.EXPERT)

    @property
    def is_admin(self) -> bool:
        return self.has_role(Role.ADMIN)
