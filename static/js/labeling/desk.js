// The labelling desk, wired together: the session brings tiles, the brush paints them, commands run both.

import { pageData } from "../shared/dom.js";
import { gettext } from "../shared/i18n.js";
import { Brush } from "./brush.js";
import { Commands } from "./commands.js";
import { Cursor } from "./desk_cursor.js";
import { paints } from "./gestures.js";
import { keysOn, listen, setKeysOn } from "./keys.js";
import { wireLight } from "./light.js";
import { panel } from "./panel.js";
import { Session } from "./session.js";
import { Stage } from "./stage.js";

const page = pageData("desk-page");
const stage = new Stage(document.getElementById("tile-map"));
const { map, overlay } = stage;
const session = new Session({ page, stage });
const brush = new Brush({ session, volunteer: page.volunteer, onPainted: refresh });
const cursor = new Cursor({ stage, session, onMove: refresh });
const commands = new Commands();
const focusTile = () => map.getContainer().focus({ preventScroll: true });
let moving = false; // the hand instead of the brush

function refresh() {
  const { current, behind } = session;
  panel.painting(current && current.painting, {
    canGoBack: behind.length > 0,
    cursor: cursor.at,
    extra: Boolean(current && current.tile.extra),
  });
}
session.addEventListener("change", refresh);

// --- the picture -----------------------------------------------------------------------------------------------

paints(map, {
  mayPaint: () => Boolean(session.current) && !moving,
  begin: (stroke) => {
    cursor.leave();
    brush.begin(stroke);
  },
  reach: ({ lat, lng }) => brush.reach(lng, -lat),
  end: () => brush.end(),
  abort: () => brush.abort(),
});

const light = wireLight({
  button: document.querySelector('[data-do="light"]'),
  onLight: (brightness, contrast) => stage.setLight(brightness, contrast),
  onClose: focusTile,
});

function ground(bare) {
  overlay.setVisible(!bare);
  panel.pressed("ground", bare);
}

// Held with a finger or the mouse it shows the ground for as long; pressed from the keyboard it stays until the next.
const groundButton = document.querySelector('[data-do="ground"]');
groundButton.addEventListener("pointerdown", () => ground(true));
for (const lifted of ["pointerup", "pointercancel", "pointerleave"]) {
  groundButton.addEventListener(lifted, () => ground(false));
}
groundButton.addEventListener("click", (event) => {
  if (event.detail === 0) {
    ground(groundButton.getAttribute("aria-pressed") !== "true");
  }
});

// --- commands --------------------------------------------------------------------------------------------------

const paintCursor = (label) => cursor.at && brush.paintAll([cursor.at], label);

commands.add("verdict", (verdict) => {
  brush.choose(verdict);
  paintCursor(brush.label);
});
commands.add("look-alike", (name) => brush.chooseLookAlike(name));
commands.add("erase", () => paintCursor(null));
commands.add("enter", () => (cursor.at ? paintCursor(brush.label) : session.submit()));
commands.add("submit", () => session.submit());
commands.add("rest", () => brush.rest());
commands.add("undo", () => brush.undo(), { repeats: true });
commands.add("redo", () => brush.redo(), { repeats: true });
commands.add("back", () => session.back());
commands.add("retry", () => session.retry());
commands.add("skipped", () => session.showSkipped());
commands.add("cursor", (direction) => cursor.move(direction), { repeats: true });
commands.add("cursor-step", (by) => cursor.step(by), { repeats: true });
commands.add("ground", () => ground(true), { end: () => ground(false) });
commands.add("hand", () => {
  moving = !moving;
  stage.setHand(moving);
  panel.pressed("hand", moving);
  panel.say(moving ? gettext("Moving the picture") : gettext("Painting"));
});
commands.add("outlines", () => {
  overlay.setOutlined(!overlay.outlined);
  panel.pressed("outlines", overlay.outlined);
});
commands.add("light", () => light.toggle());
commands.add("light-reset", () => light.reset());
commands.add("whole", () => stage.fit());
commands.add("keys", () => document.getElementById("keys").showModal());
commands.add("escape", () => {
  cursor.leave();
  if (light.isOpen()) {
    light.toggle();
  }
  return false;
});

listen({
  press: (name, argument, event) => commands.run(name, argument, event),
  lift: (name) => commands.end(name),
});

document.getElementById("desk").addEventListener("click", (event) => {
  const pressed = event.target.closest("button");
  if (!pressed) {
    return;
  }
  const { verdict, lookAlike, do: name } = pressed.dataset;
  if (verdict) {
    brush.choose(verdict);
  } else if (lookAlike) {
    commands.run("look-alike", lookAlike);
  } else if (name && name !== "ground") {
    commands.run(name);
  }
  // After a press with mouse or finger the keys belong to the tile again, Space and Enter among them.
  if (event.detail > 0 && name !== "keys" && name !== "light") {
    focusTile();
  }
});

const keysBox = document.getElementById("keys-on");
keysBox.checked = keysOn();
keysBox.addEventListener("change", () => setKeysOn(keysBox.checked));

const regionChoice = document.getElementById("region"); // there when the site has several regions
if (regionChoice) {
  regionChoice.addEventListener("change", () => regionChoice.form.submit());
  session.addEventListener("open", ({ detail }) => {
    regionChoice.value = detail.tile.region;
  });
}

session.start();
