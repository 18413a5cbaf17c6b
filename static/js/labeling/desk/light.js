// The light on the picture: brightness, contrast and gamma, in a box that the button "Brightness" opens. Nothing of it
// changes a pixel of what is stored. The values stay for the sitting, through tiles and reloads.

import { byId, query } from "../../shared/dom.js";

const STORED = "amber-desk-light";
const SVG = "http://www.w3.org/2000/svg";
const FILTER = "desk-light";
const NAMES = ["brightness", "contrast", "gamma"]; // ids of the sliders; all in percent

/**
 * What becomes of a channel c from 0 to 1: amplitude · c^exponent + offset. Gamma bends the picture's own values
 * first, then brightness stretches them from black and contrast from the middle grey.
 * @param {Record<string, number>} light
 */
function transferOf({ brightness, contrast, gamma }) {
  return {
    exponent: 100 / gamma,
    amplitude: (brightness / 100) * (contrast / 100),
    offset: 0.5 * (1 - contrast / 100),
  };
}

function makeFilter() {
  /** @type {(tag: string, attributes: Record<string, string>, ...children: Element[]) => Element} */
  const make = (tag, attributes, ...children) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) {
      made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  };
  const channels = ["R", "G", "B"].map((channel) => make(`feFunc${channel}`, { type: "gamma" }));
  // In the values as they are stored: what the slider says is what happens to them.
  const filter = make(
    "filter",
    { id: FILTER, x: "0", y: "0", width: "100%", height: "100%", "color-interpolation-filters": "sRGB" },
    make("feComponentTransfer", {}, ...channels),
  );
  document.body.append(make("svg", { width: "0", height: "0", class: "desk__filter", "aria-hidden": "true" }, filter));
  return channels;
}

/**
 * wireLight({button, stage, onClose}) -> {toggle, reset, isOpen}; `stage` is the element around the pictures.
 * @param {{button: HTMLElement, stage: HTMLElement, onClose: () => void}} parts
 */
export function wireLight({ button, stage, onClose }) {
  const box = byId("light");
  const sliders = NAMES.map((name) => byId(name, HTMLInputElement));
  /** @type {Element[] | null} */
  let channels = null;

  const apply = () => {
    const values = Object.fromEntries(sliders.map((slider) => [slider.id, Number(slider.value)]));
    const plain = Object.values(values).every((value) => value === 100);
    if (!plain) {
      channels ||= makeFilter();
      const transfer = Object.entries(transferOf(values));
      for (const channel of channels) {
        for (const [name, value] of transfer) {
          channel.setAttribute(name, String(value));
        }
      }
    }
    // A filter costs something with every frame, so there is none when it would change nothing.
    stage.classList.toggle("is-lit", !plain);
    button.classList.toggle("is-on", !plain);
    for (const slider of sliders) {
      query(document, `output[for="${slider.id}"]`).textContent = `${slider.value} %`;
    }
    return values;
  };
  const tell = () => sessionStorage.setItem(STORED, JSON.stringify(apply()));

  try {
    const stored = JSON.parse(sessionStorage.getItem(STORED) || "{}");
    for (const slider of sliders) {
      slider.value = String(Number(stored[slider.id]) || 100);
    }
  } catch {
    // The light as it was taken, then.
  }
  apply();
  for (const slider of sliders) {
    slider.addEventListener("input", tell);
  }
  return {
    isOpen: () => !box.hidden,
    toggle() {
      box.hidden = !box.hidden;
      button.setAttribute("aria-expanded", String(!box.hidden));
      if (box.hidden) {
        onClose();
      } else {
        sliders[0].focus();
      }
    },
    reset() {
      for (const slider of sliders) {
        slider.value = "100";
      }
      tell();
    },
  };
}
