from django.apps import AppConfig


class LabelingConfig(AppConfig):
    name = "labeling"
    verbose_name = "What people say"

    def ready(self) -> None:
        from labeling import receivers  # noqa: F401  connects them
