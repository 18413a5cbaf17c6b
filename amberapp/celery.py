"""The Celery application. Tasks are thin: they name a row and call one action."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "amberapp.settings")
app = Celery("amber")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
