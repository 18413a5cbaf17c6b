"""The WSGI entry that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from amberapp.web.plain_utf8 import plain_utf8

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "amberapp.settings")
application = plain_utf8(get_wsgi_application())
