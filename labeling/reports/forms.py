"""The citizen's form. It reads shapes alone: what a report may be is said by labeling.reports.filing, for every door."""

import math
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from labeling.models import ReportCategory
from labeling.reports.filing import COMMENT_LENGTH, EMAIL_LENGTH
from labeling.reports.mail import can_be_sent


class _AsTyped:
    """A field that refuses nothing; what a browser can check (required, length) stands in its tag."""

    def clean(self, value: Any) -> Any:
        return self.to_python(value)  # type: ignore[attr-defined]


class _Choice(_AsTyped, forms.ChoiceField):
    pass


class _Text(_AsTyped, forms.CharField):
    pass


class _Degrees(forms.FloatField):
    """What is no number becomes NaN, which is no place either."""

    def clean(self, value: Any) -> float:
        try:
            number = self.to_python(value)
        except ValidationError:
            number = None
        return math.nan if number is None else number


class ReportForm(forms.Form):
    category = _Choice(
        label=gettext_lazy("What is wrong?"), choices=ReportCategory.choices, widget=forms.RadioSelect
    )
    latitude = _Degrees(label=gettext_lazy("Latitude"), min_value=-90, max_value=90)
    longitude = _Degrees(label=gettext_lazy("Longitude"), min_value=-180, max_value=180)
    comment = _Text(
        label=gettext_lazy("What do you know about it?"),
        required=False,
        max_length=COMMENT_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("Nobody but the experts reads this."),
    )
    email = _Text(
        label=gettext_lazy("E-mail"),
        required=False,
        max_length=EMAIL_LENGTH,
        widget=forms.EmailInput,
        help_text=gettext_lazy(
            "Kept encrypted and deleted when the report is closed. We note no other trace of you."
        ),
    )
    photo = forms.FileField(
        label=gettext_lazy("Photo"),
        required=False,
        allow_empty_file=True,
        max_length=None,
        widget=forms.ClearableFileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        help_text=gettext_lazy(
            "Only experts see it. Its place, time and camera are removed; it is deleted 30 days after the decision."
        ),
    )
    blurred = forms.BooleanField(
        label=gettext_lazy("Show my place only roughly"),
        required=False,
        help_text=gettext_lazy("Experts see where it is; your report's page tells it to a kilometre only."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not can_be_sent():
            del self.fields["email"]
