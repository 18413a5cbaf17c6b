// Correcting a detection's outline: superpixels are pressed, or painted by dragging, out of it and into it; a mixed one
// is split into its fragments. What is shown is what Approve publishes.

import { api } from "../../shared/api.js";
import { pageData, query, queryAll } from "../../shared/dom.js";
import { gettext, interpolate } from "../../shared/i18n.js";
import { toastError } from "../../shared/toast.js";
import { keyOf } from "./keys.js";

const SVG = "http://www.w3.org/2000/svg";
const keyOfPart = (/** @type {number} */ number, /** @type {number} */ fragment) => `${number}.${fragment}`;

/**
 * Wire the tools of a card. `url`: of the tile's superpixels. Returns what the review page needs of it.
 * @param {HTMLElement} card
 * @param {string} url
 */
export function wireCorrection(card, url) {
  const figure = query(card, ".review-picture");
  const svg = query(figure, "svg.review-picture__ground", SVGSVGElement);
  const group = query(svg, "[data-pieces]", SVGElement);
  const bar = query(figure, "[data-correcting-bar]");
  const told = query(bar, "[data-correction-told]");
  const pen = query(figure, "[data-correct]", HTMLButtonElement);
  const splitter = query(bar, "[data-split]", HTMLButtonElement);
  const reset = query(bar, "[data-reset]", HTMLButtonElement);
  const approve = query(card, '.review-decide [value="approved"] > span');
  const approveWord = approve.textContent;
  /** @type {{superpixels: number[], fragments: number[][], machine: number[]}} */
  const drawn = pageData("drawn");
  const before = {
    superpixels: new Set(drawn.superpixels),
    fragments: new Set(drawn.fragments.map(([number, fragment]) => keyOfPart(number, fragment))),
  };
  const machine = new Set(drawn.machine);

  /** @type {Map<string, SVGElement>} */
  const paths = new Map(); // “7.0” the whole superpixel, “7.2” its second fragment
  /** @type {Set<string>} */
  const chosen = new Set(); // the keys of what lies in the outline
  /** @type {Map<number, number[]>} */
  const split = new Map(); // superpixel -> numbers of its fragments
  /** @type {Promise<void> | null} */
  let loading = null;
  let active = false;
  let changed = false;
  /** @type {{id: number, value: boolean, was: Map<string, boolean>} | null} */
  let stroke = null;
  let focused = "";

  // What is shown -----------------------------------------------------------------------------------------------------

  /** @param {string} key @param {string} d @param {string} label */
  function draw(key, d, label) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    path.setAttribute("vector-effect", "non-scaling-stroke");
    path.setAttribute("role", "checkbox");
    path.setAttribute("aria-label", label);
    path.setAttribute("tabindex", "-1");
    path.dataset.key = key;
    group.append(path);
    paths.set(key, path);
  }

  /** @param {string} key */
  function dress(key) {
    const path = paths.get(key);
    path?.setAttribute("aria-checked", String(chosen.has(key)));
    path?.setAttribute("tabindex", key === focused ? "0" : "-1");
  }

  /** The whole superpixels and fragments that lie in the outline now: all fragments of one are the whole of it. */
  function outline() {
    /** @type {number[]} */
    const superpixels = [];
    /** @type {number[][]} */
    const fragments = [];
    for (const [key] of paths) {
      const [number, fragment] = key.split(".").map(Number);
      const parts = split.get(number);
      if (fragment === 0 ? chosen.has(key) : parts?.[0] === fragment && isWhole(number)) {
        superpixels.push(number);
      } else if (fragment && chosen.has(key) && !isWhole(number)) {
        fragments.push([number, fragment]);
      }
    }
    return { superpixels: superpixels.sort((one, other) => one - other), fragments };
  }

  /** @param {number} number */
  const isWhole = (number) => (split.get(number) ?? []).every((fragment) => chosen.has(keyOfPart(number, fragment)));

  function tell() {
    const now = outline();
    const added = now.superpixels.filter((number) => !machine.has(number)).length;
    const removed = [...machine].filter((number) => !now.superpixels.includes(number)).length;
    const isMachine = !added && !removed && !now.fragments.length;
    changed = !isMachine;
    figure.toggleAttribute("data-changed", changed);
    reset.disabled = isMachine;
    approve.textContent = changed ? gettext("Approve as corrected") : approveWord;
    const parts = now.fragments.length
      ? interpolate(gettext(", %(n)s fragments of mixed ones"), { n: now.fragments.length })
      : "";
    told.textContent = isMachine
      ? gettext("As the machine drew it")
      : `${interpolate(gettext("%(added)s added, %(removed)s taken out"), { added, removed })}${parts}`;
  }

  /** @param {string} key @param {boolean} value */
  function set(key, value) {
    if (value) {
      chosen.add(key);
    } else {
      chosen.delete(key);
    }
    dress(key);
  }

  // Superpixels and fragments -----------------------------------------------------------------------------------------

  async function load() {
    for (const { number, path, probability } of await api.get(url)) {
      const chance =
        probability === null ? "" : interpolate(gettext(", %(n)s %% mining"), { n: Math.round(100 * probability) });
      draw(keyOfPart(number, 0), path, `${interpolate(gettext("Superpixel %(n)s"), { n: number })}${chance}`);
      set(keyOfPart(number, 0), before.superpixels.has(number));
    }
    for (const number of new Set(drawn.fragments.map(([superpixel]) => superpixel))) {
      await divide(number, (fragment) => before.fragments.has(keyOfPart(number, fragment)));
    }
    focused = paths.keys().next().value ?? "";
    dress(focused);
    tell();
  }

  /**
   * Show the fragments of a superpixel in its place.
   * @param {number} number
   * @param {(fragment: number) => boolean} isIn
   */
  async function divide(number, isIn) {
    /** @type {{number: number, path: string}[]} */
    const fragments = await api.get(`${url}${number}/fragments/`);
    if (fragments.length < 2 || split.has(number)) {
      return;
    }
    const whole = keyOfPart(number, 0);
    paths.get(whole)?.remove();
    paths.delete(whole);
    chosen.delete(whole);
    split.set(
      number,
      fragments.map((one) => one.number),
    );
    for (const { number: fragment, path } of fragments) {
      const key = keyOfPart(number, fragment);
      draw(key, path, interpolate(gettext("Superpixel %(n)s, fragment %(m)s"), { n: number, m: fragment }));
      set(key, isIn(fragment));
    }
    if (focused === whole) {
      focused = keyOfPart(number, fragments[0].number);
      dress(focused);
    }
  }

  /** @param {string} key */
  async function divideKey(key) {
    const [number, fragment] = key.split(".").map(Number);
    splitter.setAttribute("aria-pressed", "false");
    if (fragment === 0) {
      const wasIn = chosen.has(key);
      const hadFocus = paths.get(key) === document.activeElement;
      try {
        await divide(number, () => wasIn);
      } catch (error) {
        toastError(error);
      }
      if (hadFocus) {
        paths.get(focused)?.focus({ preventScroll: true });
      }
      tell();
    }
  }

  // Hands -------------------------------------------------------------------------------------------------------------

  const splitting = () => splitter.getAttribute("aria-pressed") === "true";
  const keyAt = (/** @type {number} */ x, /** @type {number} */ y) => {
    const under = document.elementFromPoint(x, y);
    return under instanceof SVGElement && group.contains(under) ? (under.dataset.key ?? "") : "";
  };

  /** @param {string} key */
  function paint(key) {
    if (stroke && key && !stroke.was.has(key)) {
      stroke.was.set(key, chosen.has(key));
      set(key, stroke.value);
      tell();
    }
  }

  svg.addEventListener("pointerdown", (event) => {
    if (!active) {
      return;
    }
    if (stroke && stroke.id !== event.pointerId) {
      // A second finger: it was the beginning of a pinch.
      for (const [key, value] of stroke.was) {
        set(key, value);
      }
      stroke = null;
      tell();
      return;
    }
    const key = keyAt(event.clientX, event.clientY);
    if (!key || event.button !== 0 || !event.isPrimary) {
      return;
    }
    event.preventDefault();
    if (splitting()) {
      divideKey(key);
      return;
    }
    stroke = { id: event.pointerId, value: !chosen.has(key), was: new Map() };
    move(key, false);
    paint(key);
  });
  svg.addEventListener("pointermove", (event) => {
    if (stroke?.id === event.pointerId) {
      paint(keyAt(event.clientX, event.clientY));
    }
  });
  // Where it ends beside the picture, the picture does not hear of it.
  const until = new AbortController();
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    window.addEventListener(
      name,
      () => {
        stroke = null;
        if (!svg.isConnected) {
          until.abort();
        }
      },
      { signal: until.signal },
    );
  }

  /** @param {string} key @param {boolean} focus */
  function move(key, focus = true) {
    const from = focused;
    focused = key;
    dress(from);
    dress(key);
    if (focus) {
      paths.get(key)?.focus({ preventScroll: true });
    }
  }

  /** The nearest one in a direction. @param {number} right @param {number} down */
  function neighbour(right, down) {
    const middle = (/** @type {SVGElement} */ path) => {
      const box = /** @type {SVGGraphicsElement} */ (path).getBBox();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    };
    const here = paths.get(focused);
    if (!here) {
      return focused;
    }
    const from = middle(here);
    let best = { key: focused, cost: Infinity };
    for (const [key, path] of paths) {
      const to = middle(path);
      const along = (to.x - from.x) * right + (to.y - from.y) * down;
      const aside = Math.abs((to.x - from.x) * down) + Math.abs((to.y - from.y) * right);
      if (key !== focused && along > 1 && along + 2 * aside < best.cost) {
        best = { key, cost: along + 2 * aside };
      }
    }
    return best.key;
  }

  group.addEventListener("keydown", (event) => {
    const key = keyOf(event);
    /** @type {Record<string, () => void>} */
    const does = {
      arrowright: () => move(neighbour(1, 0)),
      arrowleft: () => move(neighbour(-1, 0)),
      arrowdown: () => move(neighbour(0, 1)),
      arrowup: () => move(neighbour(0, -1)),
      " ": () => press(),
      enter: () => press(),
      x: () => divideKey(focused),
      escape: () => open(false),
    };
    if (key in does && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      event.stopPropagation();
      does[key]();
    }
  });

  function press() {
    set(focused, !chosen.has(focused));
    tell();
  }

  // The tools ---------------------------------------------------------------------------------------------------------

  /** @param {boolean} wanted */
  async function open(wanted) {
    active = wanted;
    pen.setAttribute("aria-pressed", String(wanted));
    figure.toggleAttribute("data-correcting", wanted);
    svg.setAttribute("role", wanted ? "group" : "img");
    bar.hidden = !wanted;
    group.toggleAttribute("hidden", !wanted && !changed);
    if (!wanted) {
      pen.focus({ preventScroll: true });
      return;
    }
    figure.setAttribute("aria-busy", "true");
    try {
      loading ??= load();
      await loading;
      if (active) {
        paths.get(focused)?.focus({ preventScroll: true });
      }
    } catch (error) {
      loading = null;
      toastError(error);
      open(false);
    } finally {
      figure.removeAttribute("aria-busy");
    }
  }

  /** Show the outline with these superpixels and fragments: the machine's, or one that was not saved. @param {Correction} wanted */
  async function show({ superpixels, fragments }) {
    loading ??= load();
    await loading;
    for (const number of new Set(fragments.map(([superpixel]) => superpixel))) {
      await divide(number, () => false);
    }
    const parts = new Set(fragments.map(([number, fragment]) => keyOfPart(number, fragment)));
    for (const key of paths.keys()) {
      set(key, superpixels.includes(Number(key.split(".")[0])) || parts.has(key));
    }
    tell();
    group.toggleAttribute("hidden", !active && !changed);
  }

  pen.addEventListener("click", () => open(!active));
  splitter.addEventListener("click", () => splitter.setAttribute("aria-pressed", String(!splitting())));
  reset.addEventListener("click", () => show({ superpixels: drawn.machine, fragments: [] }));
  queryAll(figure, "[data-correct], [data-correcting-bar] button").forEach((button) => {
    button.addEventListener("pointerdown", (event) => event.stopPropagation());
  });

  return {
    toggle: () => open(!active),
    show,
    /** What an approval has to say beside the verdict; null: it is about what was shown from the beginning. */
    said: () => (paths.size ? outline() : null),
  };
}
