// Reporting an error from the map: press, choose, send. A mark shows the place; a press on the map moves it.

import { api } from "../../shared/api.js";
import { byId, element, query } from "../../shared/dom.js";
import { gettext, interpolate, number } from "../../shared/i18n.js";
import { L } from "../../shared/map.js";
import { copyText } from "../../shared/share.js";
import { toast } from "../../shared/toast.js";
import { smallPhoto } from "./photo.js";

export class ReportPanel {
  /**
   * show(open) swaps the panel's content; the caller keeps the rest of the page.
   * @param {L.Map} map
   * @param {{url: string, release: number, show: (open: boolean) => void}} wishes
   */
  constructor(map, { url, release, show }) {
    this.map = map;
    this.url = url;
    this.release = release;
    this.show = show;
    this.about = "";
    this.chosen = false; // true once the sender has chosen a category by hand
    this.placed = false; // true where the mark is on a place, was moved, or was said to be right
    /** @type {L.Marker | null} */
    this.mark = null;
    this.turn = 0; // which form is open: the answer to an earlier one leaves it alone
    this.form = byId("report-form", HTMLFormElement);
    /** What of the form this script reads and writes. */
    this.fields = {
      latitude: query(this.form, "[name=latitude]", HTMLInputElement),
      longitude: query(this.form, "[name=longitude]", HTMLInputElement),
      comment: query(this.form, "[name=comment]", HTMLTextAreaElement),
    };
    this.form.addEventListener("change", (event) => {
      this.chosen ||= event.target instanceof HTMLInputElement && event.target.name === "category";
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    byId("report-cancel").addEventListener("click", () => this.close());
    byId("report-done").addEventListener("click", () => this.close());
    byId("report-copy").addEventListener("click", () =>
      copyText(byId("report-link", HTMLAnchorElement).href, gettext("The link is copied")),
    );
    this.fields.latitude.addEventListener("change", () => this.fromFields());
    this.fields.longitude.addEventListener("change", () => this.fromFields());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.open) {
        this.close();
      }
    });
  }

  get open() {
    return this.mark !== null;
  }

  /** The name of the place on the map that the report is about; "" for other ground. */
  get place() {
    return this.about;
  }

  /** What most people come for is chosen already: open, report, send. */
  set place(name) {
    this.about = name;
    if (!this.chosen) {
      query(this.form, `[value="${name ? "not_mining" : "missed"}"]`, HTMLInputElement).checked = true;
    }
  }

  /**
   * Open for a place of the map, for ground that was pointed at, or else for the middle of what is seen.
   * @param {Subject} subject
   */
  begin({ place = "", latitude, longitude, pointed = false }) {
    this.end();
    this.turn += 1;
    this.busy(false);
    this.form.reset();
    this.chosen = false;
    this.fail("");
    this.form.hidden = false;
    byId("report-thanks").hidden = true;
    this.place = place;
    this.placed = pointed || place !== "";
    const icon = L.divIcon({ className: "report-mark", iconSize: [36, 36], html: element("i") });
    const mark = L.marker([latitude, longitude], { icon, draggable: true, keyboard: false }).addTo(this.map);
    mark.on("dragend", () => this.moveTo(mark.getLatLng()));
    this.mark = mark;
    this.write();
    byId("report-where").textContent = place
      ? gettext("About the place under the mark.")
      : gettext("Tap the map to move the mark.");
    this.show(true);
    byId("report-title").focus({ preventScroll: true });
  }

  /** @param {L.LatLngExpression} latlng */
  moveTo(latlng) {
    if (!this.mark) {
      return;
    }
    this.mark.setLatLng(latlng);
    this.placed = true;
    // Another spot is another matter: it is no longer about the place that was open.
    this.place = "";
    byId("report-where").textContent = gettext("Tap the map to move the mark.");
    this.write();
  }

  write() {
    if (this.mark) {
      const { lat, lng } = this.mark.getLatLng().wrap();
      this.fields.latitude.value = lat.toFixed(6);
      this.fields.longitude.value = lng.toFixed(6);
    }
  }

  fromFields() {
    // An emptied field is not a number; Number("") would be the equator.
    const latitude = this.fields.latitude.valueAsNumber;
    const longitude = this.fields.longitude.valueAsNumber;
    if (this.mark && Math.abs(latitude) <= 85 && Math.abs(longitude) <= 180) {
      this.moveTo([latitude, longitude]);
      this.map.panTo([latitude, longitude]);
    } else if (this.mark) {
      this.write();
    }
  }

  async send() {
    const said = new FormData(this.form);
    if (!said.get("category")) {
      this.fail(gettext("Choose what is wrong."));
      query(this.form, "[name=category]").focus();
      return;
    }
    const { value, dataset } = this.fields.comment;
    if (value.length > Number(dataset.most)) {
      // A limit of the field itself would cut off without a word what was pasted.
      this.fail(
        interpolate(gettext("The text has %(count)s characters; %(most)s can be sent. Shorten it, then send again."), {
          count: number(value.length),
          most: number(Number(dataset.most)),
        }),
      );
      return;
    }
    if (!this.placed) {
      // The middle of what is seen is seldom what is meant; asked once, sent with the same button.
      this.placed = true;
      this.fail(gettext("Is the mark on the place? Tap the map to move it, or send once more."));
      return;
    }
    const { turn } = this;
    this.busy(true);
    try {
      const answer = await api.post(this.url, await this.body(said));
      if (turn === this.turn) {
        this.busy(false);
        this.thank(answer.status_url);
      } else {
        // Nothing else leads to the report: it stays until the sender closes it, and opens beside what they write now.
        toast(gettext("Your report was sent. Only this link shows what becomes of it: keep it."), {
          action: { label: gettext("See your report"), href: answer.status_url },
          lasts: Infinity,
        });
      }
    } catch (error) {
      if (turn === this.turn) {
        this.busy(false);
        this.fail(error.message);
        // A disabled button loses the focus; the sentence stays in sight.
        query(this.form, "[type=submit]").focus({ preventScroll: true });
      } else {
        toast(interpolate(gettext("Your report was not sent. %(why)s"), { why: error.message }), { kind: "error" });
      }
    }
  }

  /** @param {boolean} sending */
  busy(sending) {
    const button = query(this.form, "[type=submit]", HTMLButtonElement);
    button.disabled = sending;
    button.setAttribute("aria-busy", String(sending));
  }

  /** @param {string} link */
  thank(link) {
    byId("report-link", HTMLAnchorElement).href = link;
    this.form.hidden = true;
    byId("report-thanks").hidden = false;
    query(byId("report-thanks"), "h2").focus();
  }

  /** JSON; a form where there is a photo. @param {FormData} said */
  async body(said) {
    const fields = {
      release: this.release,
      place: this.place,
      latitude: Number(said.get("latitude")),
      longitude: Number(said.get("longitude")),
      category: said.get("category"),
      comment: said.get("comment"),
      email: said.get("email") || "", // a site that sends no letters does not ask
      website: said.get("website"),
      blurred: said.get("blurred") === "true",
    };
    const photo = said.get("photo");
    if (!(photo instanceof File) || !photo.size) {
      return fields;
    }
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      form.append(name, String(value));
    }
    // The file's own name may say who took it.
    form.append("photo", await smallPhoto(photo), "photo");
    return form;
  }

  /** @param {string} sentence */
  fail(sentence) {
    const shown = byId("report-error");
    shown.textContent = sentence;
    shown.hidden = !sentence;
    if (sentence) {
      shown.scrollIntoView({ block: "center" }); // the panel of a phone may be scrolled away from it
    }
  }

  end() {
    if (this.mark) {
      this.mark.remove();
      this.mark = null;
    }
  }

  close() {
    this.turn += 1;
    this.end();
    this.show(false);
    byId("report-button").focus({ preventScroll: true });
  }
}
