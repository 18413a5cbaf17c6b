"""The look-alikes that a new site starts with. Admins edit the list afterwards; it is written once only.

Written after migrating and not by a migration, so that a flushed database gets it back.
"""

from typing import Any

from django.apps import apps as current_apps

FIRST_LIST: tuple[tuple[str, dict[str, str], dict[str, str]], ...] = (
    (
        "deforestation",
        {"en": "Clear-cut forest", "uk": "Вирубка"},
        {
            "en": "Straight edges, even ground, tracks and stacked timber; no pits.",
            "uk": "Прямі краї, рівна поверхня, колії та штабелі деревини; ям немає.",
        },
    ),
    (
        "sand_pit",
        {"en": "Sand pit", "uk": "Піщаний кар’єр"},
        {
            "en": "One large hollow with terraces and a road into it, not many small holes.",
            "uk": "Одна велика западина з уступами й дорогою, а не багато малих ям.",
        },
    ),
    (
        "cemetery",
        {"en": "Cemetery", "uk": "Кладовище"},
        {
            "en": "Small pale spots in rows, a fence around them, a village near by.",
            "uk": "Дрібні світлі плями рядами, огорожа навколо, поруч село.",
        },
    ),
    (
        "snow",
        {"en": "Snow", "uk": "Сніг"},
        {
            "en": "Bluish white patches that follow shade and ditches.",
            "uk": "Блакитнувато-білі плями вздовж тіні та канав.",
        },
    ),
    (
        "field",
        {"en": "Ploughed field", "uk": "Рілля"},
        {
            "en": "Fine parallel lines and straight borders.",
            "uk": "Тонкі паралельні лінії та прямі межі.",
        },
    ),
    (
        "settlement",
        {"en": "Settlement", "uk": "Поселення"},
        {
            "en": "Roofs with shadows, gardens, streets.",
            "uk": "Дахи з тінями, городи, вулиці.",
        },
    ),
    (
        "cloud",
        {"en": "Cloud", "uk": "Хмара"},
        {
            "en": "Soft white with no edge, often with its shadow beside it.",
            "uk": "М’яка біла пляма без чіткого краю, часто з тінню поруч.",
        },
    ),
    ("other", {"en": "Something else", "uk": "Щось інше"}, {}),
)


def write_first_list(sender: Any, using: str, apps: Any = current_apps, **_: Any) -> None:
    """Fill an empty list. A receiver of post_migrate, which a flush sends too; nothing while there is no table."""
    try:
        model = apps.get_model("labeling", "LookAlike")
    except LookupError:
        return
    rows = model._default_manager.using(using)
    if rows.exists():
        return
    rows.bulk_create(
        model(slug=slug, names=names, hints=hints, position=position)
        for position, (slug, names, hints) in enumerate(FIRST_LIST)
    )
