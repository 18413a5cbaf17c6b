// What is painted but not sent, kept over a reload. One draft is enough: one tile is open at a time.

const STORED = "amber-desk-draft";

/** @param {string} volunteer @param {number} tile @param {LabelEntry[]} labels */
export function writeDraft(volunteer, tile, labels) {
  try {
    localStorage.setItem(STORED, JSON.stringify({ volunteer, tile, labels }));
  } catch (error) {
    console.warn(error.message);
  }
}

/**
 * The labels painted on this tile by this person, or null.
 * @param {string} volunteer
 * @param {number} tile
 * @returns {LabelEntry[] | null}
 */
export function readDraft(volunteer, tile) {
  try {
    const draft = JSON.parse(localStorage.getItem(STORED) || "null");
    return draft && draft.tile === tile && draft.volunteer === volunteer ? draft.labels : null;
  } catch {
    return null;
  }
}

export const dropDraft = () => localStorage.removeItem(STORED);
