// Where a report is about: the point on the net of degrees, the outline on the map, the tiles that cover the place.

import { byId, pageData, queryAll } from "../../shared/dom.js";
import { gettext } from "../../shared/i18n.js";
import { L, colour, createMap } from "../../shared/map.js";
import { wirePicture } from "../review/picture.js";

const place = pageData("report-place");
const around = 0.12; // degrees shown about the point: enough for the net to say where one is
const [latitude, longitude] = place.point;

const map = createMap(byId("report-map"), {
  label: gettext("Where the report is about"),
  bounds: [
    [latitude - around, longitude - around],
    [latitude + around, longitude + around],
  ],
  scrollWheelZoom: false,
});
if (place.region) {
  L.geoJSON(place.region, {
    style: { color: colour("--border-strong"), weight: 1, fill: false, dashArray: "4 4" },
    interactive: false,
  }).addTo(map);
}
for (const box of place.boxes) {
  L.rectangle(box, { color: colour("--info"), weight: 1, fillOpacity: 0.08, interactive: false }).addTo(map);
}
if (place.outline) {
  L.geoJSON(place.outline, {
    style: { color: colour("--mining"), weight: 2, fillOpacity: 0.35 },
    interactive: false,
  }).addTo(map);
}
L.circleMarker(place.point, {
  radius: 7,
  color: colour("--danger"),
  weight: 3,
  fillColor: "#fff",
  fillOpacity: 1,
  interactive: false,
}).addTo(map);

queryAll(document, ".review-picture").forEach(wirePicture);
