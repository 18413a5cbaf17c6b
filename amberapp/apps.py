from django.apps import AppConfig


class AmberappConfig(AppConfig):
    name = "amberapp"
    verbose_name = "Amber"
