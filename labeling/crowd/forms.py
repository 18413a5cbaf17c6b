"""What an admin fills in about the crowd. Rules of the domain are the actions' business; here only types."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from labeling.crowd.look_alike_classes import HINT_LENGTH, NAME_LENGTH
from labeling.models import LookAlike


def languages() -> list[tuple[str, str]]:
    """The site's languages, English first: it is the one that must be there."""
    return sorted(settings.LANGUAGES, key=lambda language: language[0] != "en")


class LookAlikeForm(forms.Form):
    """Name and hint in every language of the site: fields name_<code> and hint_<code>."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for code, language in languages():
            self.fields[f"name_{code}"] = forms.CharField(
                label=_("Name, %(language)s") % {"language": language},
                required=code == "en",
                widget=forms.TextInput(attrs={"maxlength": NAME_LENGTH, "lang": code}),
            )
            self.fields[f"hint_{code}"] = forms.CharField(
                label=_("How to tell it from mining, %(language)s") % {"language": language},
                required=False,
                widget=forms.Textarea(attrs={"rows": 2, "maxlength": HINT_LENGTH, "lang": code}),
            )

    @staticmethod
    def from_row(row: LookAlike) -> dict[str, str]:
        return {
            f"{kind}_{code}": texts.get(code, "")
            for kind, texts in (("name", row.names), ("hint", row.hints))
            for code, _language in languages()
        }

    def texts(self, kind: str) -> dict[str, str]:
        """{"en": …} of the names or the hints."""
        return {code: self.cleaned_data[f"{kind}_{code}"] for code, _language in languages()}
