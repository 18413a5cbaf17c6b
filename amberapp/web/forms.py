"""What forms of every app share."""

from typing import Any

from django import forms


def show(error: Any, form: forms.Form) -> None:
    """Put an action's refusal beside the field that it is about."""
    for name, sentences in (error.fields or {"": [str(error.message)]}).items():
        for sentence in sentences:
            form.add_error(name if name in form.fields else None, sentence)
