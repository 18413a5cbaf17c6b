"""What an admin fills in about ground. Rules of the domain are the actions' business; here only types."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from detection.ground.named_areas import MAX_BYTES
from detection.ground.polygons import MAX_TEXT
from detection.models import ImagerySource


class SourceForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    attribution = forms.CharField(
        label=_("Attribution"),
        max_length=300,
        help_text=_("Shown beside every picture, such as “© Microsoft and its suppliers”."),
    )
    licence = forms.CharField(
        label=_("Licence"),
        max_length=300,
        required=False,
        help_text=_("Its name, or where the terms can be read."),
    )
    may_store = forms.BooleanField(
        label=_("Images may be stored here"),
        required=False,
        initial=True,
        help_text=_("Without this right nothing can be imported."),
    )
    may_derive = forms.BooleanField(
        label=_("Something may be derived from them"),
        required=False,
        initial=True,
        help_text=_("Superpixels, labels and detections are derived."),
    )
    may_publish = forms.BooleanField(
        label=_("Pictures of them may be shown to everybody"),
        required=False,
        help_text=_("Without this right the public map shows outlines, never pictures."),
    )


class RegionForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    mineral = forms.CharField(label=_("Mineral"), max_length=60, initial="amber")
    source = forms.ModelChoiceField(
        label=_("Imagery source"), queryset=ImagerySource.objects.all(), empty_label=None
    )
    zoom = forms.IntegerField(
        label=_("Zoom"),
        initial=18,
        help_text=_("Of the tiles, when only their centre is known: 18 is about 0.37 m a pixel at 51.5° N."),
    )
    positive_superpixels = forms.IntegerField(
        label=_("Tile threshold: flag above N positive superpixels"),
        initial=2,
        help_text=_("A tile is flagged as mining when more than this many of its superpixels are positive."),
    )
    polygon_file = forms.FileField(
        label=_("Outline from a GeoJSON file"),
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": ".geojson,.json,application/geo+json"}),
    )
    polygon = forms.CharField(
        label=_("Outline as GeoJSON"),
        required=False,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "code"}),
        help_text=_("Drawn on the map above, or pasted: a Polygon or MultiPolygon in degrees (WGS 84)."),
    )

    def clean_polygon_file(self) -> str:
        """The text of the uploaded file, "" without one."""
        file: UploadedFile | None = self.cleaned_data.get("polygon_file")
        if file is None:
            return ""
        if (file.size or 0) > MAX_TEXT:
            raise ValidationError(_("The file is larger than 2 MB: simplify the outline."))
        try:
            return file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValidationError(_("The file is not text: GeoJSON is UTF-8 text.")) from None

    def outline(self) -> str:
        """GeoJSON text: the uploaded file's where there is one, else the field's."""
        values: dict[str, Any] = self.cleaned_data
        return values["polygon_file"] or values["polygon"]


class DistrictsForm(forms.Form):
    file = forms.FileField(
        label=_("GeoJSON file"),
        widget=forms.ClearableFileInput(attrs={"accept": ".geojson,.json,application/geo+json"}),
        help_text=_(
            "Polygons become districts, points become place names, each by its property “name” (and “name:uk”, "
            "“name:en” where there are such). Degrees, WGS 84; at most 20 MB and 5,000 features."
        ),
    )
    how = forms.ChoiceField(
        label=_("What the region has already"),
        choices=[
            ("add", _("keep it, and add the file’s")),
            ("replace", _("replace it by the file’s")),
        ],
        initial="add",
        widget=forms.RadioSelect,
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > MAX_BYTES:
            raise ValidationError(_("The file is larger than 20 MB: simplify its outlines or cut it."))
        return file
