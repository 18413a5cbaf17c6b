// What of the map stands in the address: #map=12/51.5012/26.3504&year=2015&district=Sarny&place=0a1b…

/**
 * {view: {zoom, latitude, longitude}, year, district, place}; what is missing or nonsense is null or "".
 * @param {string} hash
 */
export function readAddress(hash = window.location.hash) {
  const told = new URLSearchParams(hash.replace(/^#/, ""));
  const [zoom, latitude, longitude] = (told.get("map") || "").split("/").map(Number);
  const view = [zoom, latitude, longitude].every(Number.isFinite) && Math.abs(latitude) <= 85.06;
  return {
    view: view ? { zoom: Math.min(Math.max(Math.round(zoom), 3), 20), latitude, longitude } : null,
    year: /^(\d{4}|undated)$/.exec(told.get("year") || "")?.[0] ?? "",
    district: (told.get("district") || "").slice(0, 120),
    place: /^[\w-]{1,40}$/.exec(told.get("place") || "")?.[0] ?? "",
  };
}

/** @param {L.Map} map @param {{year: string, district: string, place: string}} state */
export function addressOf(map, { year, district, place }) {
  const { lat, lng } = map.getCenter();
  const digits = Math.max(2, Math.round(map.getZoom() / 3));
  const parts = [`map=${map.getZoom()}/${lat.toFixed(digits)}/${lng.toFixed(digits)}`];
  if (year) {
    parts.push(`year=${year}`);
  }
  if (district) {
    parts.push(`district=${encodeURIComponent(district)}`);
  }
  if (place) {
    parts.push(`place=${place}`);
  }
  return `#${parts.join("&")}`;
}
