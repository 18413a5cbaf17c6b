"""Sealing reporters' e-mail addresses, so that a copied database names nobody.

The key is AMBER_REPORT_KEY, or is derived from the secret key. Whoever changes it loses the addresses of the
reports that are still open.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.utils.translation import gettext as _

from amberapp.configuration import ConfigurationError
from amberapp.errors import UserError


def encrypt(text: str) -> str:
    """Encrypted and signed text for the database; "" stays "". Two seals of one text differ."""
    return _fernet().encrypt(text.encode()).decode() if text else ""


def decrypt(encrypted: str) -> str:
    """What was sealed. Raises UserError when the key has changed or the text has been tampered with."""
    if not encrypted:
        return ""
    try:
        return _fernet().decrypt(encrypted.encode()).decode()
    except InvalidToken:
        raise UserError(
            _("This e-mail address cannot be opened: the site's key has changed since."), code="sealed"
        ) from None


def _fernet() -> Fernet:
    key: str = settings.AMBER["AMBER_REPORT_KEY"]
    if not key:
        secret = hashlib.sha256(b"amber report e-mail\0" + settings.SECRET_KEY.encode()).digest()
        return Fernet(base64.urlsafe_b64encode(secret))
    try:
        return Fernet(key.encode())
    except ValueError:
        raise ConfigurationError(
            "AMBER_REPORT_KEY is not a Fernet key: make one with "
            "`python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'`."
        ) from None
