"""KML: the outlines of a release for globes and phones. Pure: no Django.

Source: OGC 12-007r2, KML 2.3. Text is escaped; what XML cannot carry at all (control characters) is left out.
"""

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from labeling.releases.files.content import Content, OutlinedPlace, in_order

# Aabbggrr: amber of static/css/tokens.css, the fill at a third.
STYLE = (
    '<Style id="mining"><LineStyle><color>ff1e81d9</color><width>2</width></LineStyle>'
    "<PolyStyle><color>551e81d9</color></PolyStyle></Style>"
)
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def kml(content: Content) -> Iterator[bytes]:
    """One placemark for each place, sorted by place; the facts as extended data, the day as its time."""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    name = f"<name>{_text(content.region['name'])}</name>"
    about = f"<description>{_text('; '.join(attributions(content)))}</description>{STYLE}\n"
    yield (head + name + about).encode()
    for place in in_order(content.places):
        yield _placemark(place).encode()
    yield b"</Document></kml>\n"


def attributions(content: Content) -> list[str]:
    return sorted({source.attribution for source in content.sources if source.attribution})


def _text(value: object) -> str:
    return escape(_NOT_IN_XML.sub("", str(value)))


def _placemark(place: OutlinedPlace) -> str:
    facts = {
        "place": place.place,
        "hectares": place.hectares,
        "score": place.score,
        "capture_date": place.capture_date,
        "district": place.district or None,
        "source": place.source,
        "reviewed": place.reviewed,
        "corrected": str(place.corrected).lower(),
    }
    data = "".join(
        f"<Data name={quoteattr(name)}><value>{_text(value)}</value></Data>"
        for name, value in facts.items()
        if value is not None
    )
    name = place.place if place.hectares is None else f"{place.hectares:.2f} ha"
    when = f"<TimeStamp><when>{place.capture_date}</when></TimeStamp>" if place.capture_date else ""
    polygons = "".join(_polygon(rings) for rings in place.drawn.ring_texts)
    return (
        f'<Placemark id="p{_text(place.place)}"><name>{_text(name)}</name>{when}<styleUrl>#mining</styleUrl>'
        f"<ExtendedData>{data}</ExtendedData><MultiGeometry>{polygons}</MultiGeometry></Placemark>\n"
    )


def _polygon(rings: list[str]) -> str:
    outer, *holes = (_ring(ring) for ring in rings)
    inner = "".join(f"<innerBoundaryIs>{hole}</innerBoundaryIs>" for hole in holes)
    return f"<Polygon><outerBoundaryIs>{outer}</outerBoundaryIs>{inner}</Polygon>"


def _ring(text: str) -> str:
    corners = text.replace("],[", " ")
    return f"<LinearRing><coordinates>{corners}</coordinates></LinearRing>"
