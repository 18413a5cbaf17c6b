"""What an admin fills in about a region's desk. Rules of the domain are the actions' business; here only types."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.models import DeskRules

SHARES = ("retire_at", "known_share", "blind_share", "random_share")


def _percent(label: Any, help_text: Any, least: float, most: float) -> forms.FloatField:
    return forms.FloatField(
        label=label,
        help_text=help_text,
        min_value=least,
        max_value=most,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )


class RulesForm(forms.Form):
    """The rules of a region's desk; shares in percent."""

    votes_at_least = forms.IntegerField(
        label=_("People asked about every tile"),
        help_text=_("There is no consensus with fewer. Usual: 2."),
        min_value=1,
        max_value=20,
    )
    votes_at_most = forms.IntegerField(
        label=_("People asked about a disputed tile"),
        help_text=_("What is still open after so many goes to an expert. Usual: 7."),
        min_value=1,
        max_value=50,
    )
    retire_at = _percent(
        _("Consensus confidence (%)"),
        _(
            "How probable the crowd's answer must be before nobody else is asked. Higher asks more people and "
            "errs less often. Usual: 95."
        ),
        50,
        99.99,
    )
    lease_minutes = forms.IntegerField(
        label=_("A tile is kept for a volunteer (minutes)"),
        help_text=_(
            "Activity renews it; afterwards somebody else may get the tile. Labels that come later count "
            "where votes are still wanted. Usual: 30."
        ),
        min_value=1,
        max_value=24 * 60,
    )
    known_share = _percent(
        _("Gold-standard tiles (%)"),
        _(
            "Mixed in without a sign, to see how well each volunteer does. Nothing happens without "
            "gold-standard tiles. Usual: 5."
        ),
        0,
        50,
    )
    blind_share = _percent(
        _("Tiles shown without suggestions (%)"),
        _(
            "So that the bias from the classifier's suggestions can be measured. 100 shows none at all. "
            "Usual: 20."
        ),
        0,
        100,
    )
    random_share = _percent(
        _("Tiles drawn at random (%)"),
        _(
            "For an honest evaluation. The others are those that teach the classifier most, which are harder than the "
            "average. Usual: 10."
        ),
        0,
        100,
    )

    @staticmethod
    def from_rules(rules: DeskRules) -> dict[str, Any]:
        """Initial values."""
        values = {name: getattr(rules, name) for name in RulesForm.base_fields}
        return {
            name: f"{100 * value:.4f}".rstrip("0").rstrip(".") if name in SHARES else value
            for name, value in values.items()
        }

    def rules(self) -> dict[str, Any]:
        """The cleaned values as the action takes them, shares 0…1."""
        return {
            name: round(value / 100, 6) if name in SHARES else value
            for name, value in self.cleaned_data.items()
        }
