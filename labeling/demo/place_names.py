"""Place names for the demo, so that the search on the public map finds something by name.

Made-up ground gets made-up names that say so. The real region gets towns of Polissia to two decimals of a degree, about
a kilometre: enough to go there on a map. Left out: villages, districts; an admin uploads them.
"""

import json

from shapely.geometry import shape

from detection.ground.districts import ImportedNames, import_named_ground
from detection.models import Region

# In Ukrainian and in English; latitude and longitude, degrees.
TOWNS = (
    ("Рівне", "Rivne", 50.62, 26.25),
    ("Сарни", "Sarny", 51.34, 26.60),
    ("Дубровиця", "Dubrovytsia", 51.57, 26.57),
    ("Рокитне", "Rokytne", 51.28, 27.21),
    ("Вараш", "Varash", 51.35, 25.85),
    ("Володимирець", "Volodymyrets", 51.42, 26.14),
    ("Березне", "Berezne", 51.00, 26.75),
    ("Костопіль", "Kostopil", 50.88, 26.44),
    ("Маневичі", "Manevychi", 51.29, 25.54),
    ("Ковель", "Kovel", 51.21, 24.71),
    ("Луцьк", "Lutsk", 50.75, 25.33),
    ("Олевськ", "Olevsk", 51.23, 27.65),
    ("Овруч", "Ovruch", 51.32, 28.81),
    ("Коростень", "Korosten", 50.95, 28.65),
    ("Житомир", "Zhytomyr", 50.25, 28.66),
)
# In Ukrainian and in English; how far east and how far south in the region, as shares of its width and height.
MADE_UP = (
    ("Демо-Село", "Demo Village", 0.12, 0.20),
    ("Демо-Хутір", "Demo Farmstead", 0.30, 0.72),
    ("Демо-Бір", "Demo Pinewood", 0.42, 0.15),
    ("Демо-Озеро", "Demo Lake", 0.55, 0.55),
    ("Демо-Брід", "Demo Ford", 0.66, 0.82),
    ("Демо-Млин", "Demo Mill", 0.78, 0.30),
    ("Демо-Піски", "Demo Sands", 0.90, 0.62),
    ("Демо-Гута", "Demo Glassworks", 0.22, 0.45),
    ("Демо-Болото", "Demo Bog", 0.48, 0.88),
    ("Демо-Станція", "Demo Station", 0.84, 0.10),
)


def name_places(region: Region, *, synthetic: bool) -> ImportedNames | None:
    """Give the region the demo's place names, the way an admin's file does; None where it has names already.

    The region must have an outline.
    """
    if region.place_names.exists():
        return None
    named = [*TOWNS]
    if synthetic:
        west, south, east, north = shape(region.polygon).bounds
        named = [
            (ukrainian, english, north - down * (north - south), west + across * (east - west))
            for ukrainian, english, across, down in MADE_UP
        ]
    features = [
        {
            "type": "Feature",
            "properties": {"name": ukrainian, "name:uk": ukrainian, "name:en": english},
            "geometry": {"type": "Point", "coordinates": [longitude, latitude]},
        }
        for ukrainian, english, latitude, longitude in named
    ]
    data = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    return import_named_ground(region=region, data=data, file_name="demo", replace=False, acting_user=None)
