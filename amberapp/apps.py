from django.apps import AppConfig


class AmberappConfig(AppConfig):
    name = "amberapp"
    verbose_name = "Amber"

    def ready(self) -> None:
        from amberapp import receivers  # noqa: F401  connects them
