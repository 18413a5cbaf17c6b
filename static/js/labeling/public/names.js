// Finding a place by what people type: names in any of their languages and spellings, ids of places, coordinates.
// No elements here: text in, matches out.

const MOST = 8;
const ID = /^[0-9a-z][\w-]{3,39}$/i;

/**
 * Text as it is compared: no case, no accents, no apostrophes of any kind, one space for whatever parts words.
 * @param {string} text
 */
export function folded(text) {
  return text
    .toLowerCase()
    .normalize("NFD")
    .replace(/[\u0300-\u036f'’‘ʼʹ`´′"ьъ]/g, "")
    .replace(/ґ/g, "г")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

const SIGNED = /^([+-]?\d{1,3}(?:[.,]\d+)?)\s*°?\s*([NSEW]?)$/i;

/**
 * {latitude, longitude} of "51.3, 26.9", "51,3 26,9", "51.3; 26.9", "51.3N 26.9E", "26.9°E 51.3°N"; null for what is none.
 * Without letters the latitude comes first. Left out: minutes and seconds.
 * @param {string} text
 */
export function readCoordinates(text) {
  const parts = split(text.trim());
  const read = parts.map((part) => SIGNED.exec(part.trim())).filter((found) => found !== null);
  if (read.length !== 2) {
    return null;
  }
  const [first, second] = read.map(([, digits, letter]) => ({
    value: Number(digits.replace(",", ".")) * (/[SW]/i.test(letter) ? -1 : 1),
    isEast: /[EW]/i.test(letter),
  }));
  const swapped = first.isEast && !second.isEast;
  const latitude = swapped ? second.value : first.value;
  const longitude = swapped ? first.value : second.value;
  return Math.abs(latitude) <= 85 && Math.abs(longitude) <= 180 ? { latitude, longitude } : null;
}

/** @param {string} text */
function split(text) {
  for (const separator of [/\s*;\s*/, /,\s+/, /\s+/, /,/]) {
    const parts = text.split(separator);
    if (parts.length === 2) {
      return parts;
    }
  }
  return [];
}

/**
 * Names to look in: [{kind, label, names: [every spelling], …}] -> entries that findNames takes.
 * @param {(SearchChoice & {names: string[]})[]} entries
 * @returns {IndexedChoice[]}
 */
export function nameIndex(entries) {
  return entries.map((entry) => ({ ...entry, folded: [...new Set(entry.names.map(folded))].filter(Boolean) }));
}

/**
 * The best matches, whole names before beginnings before words before parts; shorter names first among equals.
 * @param {IndexedChoice[]} index
 * @param {string} text
 * @param {number} most
 * @returns {SearchChoice[]}
 */
export function findNames(index, text, most = MOST) {
  const wanted = folded(text);
  if (!wanted) {
    return [];
  }
  /** @type {{rank: number, entry: IndexedChoice}[]} */
  const found = [];
  for (const entry of index) {
    const rank = Math.min(...entry.folded.map((name) => rankOf(name, wanted)));
    if (rank < 4) {
      found.push({ rank, entry });
    }
  }
  found.sort((one, other) => one.rank - other.rank || one.entry.label.length - other.entry.label.length);
  return found.slice(0, most).map(({ entry }) => entry);
}

/** @param {string} name @param {string} wanted */
function rankOf(name, wanted) {
  if (name === wanted) {
    return 0;
  }
  if (name.startsWith(wanted)) {
    return 1;
  }
  if (` ${name}`.includes(` ${wanted}`)) {
    return 2;
  }
  return wanted.length > 2 && name.includes(wanted) ? 3 : 4;
}

/**
 * Whether the text may be the beginning of a place's id (four characters at least, one of them a digit).
 * @param {string} text
 */
export function maybeId(text) {
  return ID.test(text.trim()) && /\d/.test(text);
}

/**
 * Rows [id, latitude, longitude] that begin with the text.
 * @param {PlaceId[]} rows
 * @param {string} text
 * @param {number} most
 */
export function findIds(rows, text, most = 5) {
  const wanted = text.trim().toLowerCase();
  return rows.filter(([id]) => id.startsWith(wanted)).slice(0, most);
}
