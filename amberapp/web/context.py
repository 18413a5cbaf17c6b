"""What every template knows of the site."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.functional import SimpleLazyObject
from django.views.i18n import JSONCatalog


class _ScriptCatalog(JSONCatalog):
    """The JavaScript messages of the active language as a dict, to be put into the page as data."""

    domain = "djangojs"

    def messages(self) -> dict[str, Any]:
        self.translation = _translations(translation.get_language() or "en")
        return {
            "language": translation.get_language(),
            "catalog": self.get_catalog(),
            "plural": self.get_plural(),
        }


def _translations(language: str) -> Any:
    from django.utils.translation.trans_real import DjangoTranslation

    return DjangoTranslation(
        language, domain="djangojs", localedirs=[str(path) for path in settings.LOCALE_PATHS]
    )


def amber(request: HttpRequest) -> dict[str, Any]:
    from amberapp.demo import ACCOUNTS, preparation

    return {
        "amber": {
            "demo": settings.DEMO,
            "demo_accounts": ACCOUNTS if settings.DEMO else [],
            "preparing": SimpleLazyObject(preparation) if settings.DEMO else None,
            # A callable: templates call it, and json_script cannot read a lazy object.
            "catalog": lambda: _ScriptCatalog().messages(),
        }
    }
