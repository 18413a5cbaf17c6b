"""An admin changes how a region's desk is run."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import UserError
from amberapp.models import User
from detection.models import Region
from labeling.desk.queue_state import reconsider_region
from labeling.models import DeskRules, TileProgress

NAMES = (
    "votes_at_least",
    "votes_at_most",
    "retire_at",
    "lease_minutes",
    "known_share",
    "blind_share",
    "random_share",
)


def set_rules(*, region: Region, acting_user: User, **values: Any) -> DeskRules:
    """Change some of the rules. New numbers of votes reach the tiles that wait when they are asked for next.

    Raises UserError, naming the field, for values out of range.
    """
    with transaction.atomic():
        rules = DeskRules.objects.of_region(region.pk)
        before = {name: getattr(rules, name) for name in NAMES}
        for name, value in values.items():
            if name not in NAMES:
                raise ValueError(f"{name} is not a rule of the desk")
            setattr(rules, name, value)
        try:
            rules.full_clean(exclude=["region"], validate_unique=False)
        except ValidationError as error:
            fields = {name: [str(text) for text in texts] for name, texts in error.message_dict.items()}
            raise UserError(next(iter(fields.values()))[0], fields=fields) from None
        if rules.votes_at_most < rules.votes_at_least:
            sentence = _("A disputed tile cannot be shown to fewer people than every tile is.")
            raise UserError(sentence, fields={"votes_at_most": [sentence]})
        rules.save()
        changed = {
            name: [before[name], getattr(rules, name)]
            for name in NAMES
            if before[name] != getattr(rules, name)
        }
        if changed:
            record(acting_user, "desk_rules.changed", region, **changed)
        if {"votes_at_least", "votes_at_most"} & changed.keys():
            reconsider_region(TileProgress.objects.filter(region=region), rules)
    return rules
