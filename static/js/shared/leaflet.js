// Leaflet as a module: the vendored file makes two globals, which are taken back at once.

import "../../vendor/leaflet/leaflet.js";

export const L = window.L.noConflict();
delete globalThis.leaflet;
