// Messages in the reader's language. The page carries them as data (`{{ amber.catalog|json_script:"catalog" }}`);
// a message that is not there is shown as written in the source. Names match what `makemessages -d djangojs` looks for.

const data = readCatalog();

// The order in which Django's catalogues store plural forms, told in the categories of Intl.PluralRules.
/** @type {Record<string, string[]>} */
const FORMS = { uk: ["one", "few", "many", "other"] };
const forms = FORMS[data.language] || ["one", "other"];
const rules = new Intl.PluralRules(data.language);
const numbers = new Intl.NumberFormat(data.language);

/** @returns {{language: string, catalog: Record<string, string | string[]>}} */
function readCatalog() {
  const element = document.getElementById("catalog");
  const read = element ? JSON.parse(element.textContent ?? "{}") : {};
  return { language: read.language || document.documentElement.lang || "en", catalog: read.catalog || {} };
}

/** The language of the page: "uk" or "en". */
export const language = data.language;

/** @param {string} message */
export function gettext(message) {
  const found = data.catalog[message];
  return typeof found === "string" && found ? found : message;
}

/** @param {string} singular @param {string} plural @param {number} count */
export function ngettext(singular, plural, count) {
  const found = data.catalog[singular];
  if (!Array.isArray(found)) {
    return count === 1 ? singular : plural;
  }
  const index = Math.min(Math.max(forms.indexOf(rules.select(count)), 0), found.length - 1);
  return found[index] || (count === 1 ? singular : plural);
}

/**
 * interpolate("%(name)s found %(n)s", {name, n}): unknown names stay as they are, "%%" is a percent sign.
 * @param {string} format
 * @param {Record<string, string | number>} values
 */
export function interpolate(format, values) {
  return format.replace(/%\((\w+)\)[sd]|%%/g, (whole, name) => {
    if (whole === "%%") {
      return "%";
    }
    return name in values ? String(values[name]) : whole;
  });
}

/** A number as readers of this language write it. @param {number} value @param {Intl.NumberFormatOptions} [options] */
export function number(value, options) {
  return options ? new Intl.NumberFormat(data.language, options).format(value) : numbers.format(value);
}

// English dates put the day first; plain "en" would write them the American way, month before day.
/** @type {Record<string, string>} */
const DATES = { en: "en-GB" };
const dates = new Intl.DateTimeFormat(DATES[data.language] || data.language, {
  day: "numeric",
  month: "long",
  year: "numeric",
});

/** A day ("2015-10-05" or Date) as readers of this language write it: "5 October 2015". @param {string | Date} value */
export function day(value) {
  const moment = value instanceof Date ? value : new Date(`${value}`.length === 10 ? `${value}T00:00:00` : value);
  // Ukrainian adds "р." (year), which pages written by the server do not, and sentences end with a stop of their own.
  return dates.format(moment).replace(/\s+р\.$/u, "");
}
