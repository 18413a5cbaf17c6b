// The labelling desk, wired together: the session brings tiles, the brush paints them, commands run both.

import { around, byId, pageData, queryAll } from "../../shared/dom.js";
import { gettext } from "../../shared/i18n.js";
import { Brush } from "./brush.js";
import { Commands } from "./commands.js";
import { Compare } from "./compare.js";
import { Cursor } from "./cursor.js";
import { Finer } from "./finer.js";
import { paints } from "../tile/gestures.js";
import { wireKeys } from "./key_editor.js";
import { listen } from "./keys.js";
import { wireLight } from "./light.js";
import { Notes, restOf, suggested } from "./notes.js";
import { panel } from "./panel.js";
import { bareFragments, fragmentOf, superpixelOf } from "../tile/parts.js";
import { Ring } from "./ring.js";
import { Session } from "./session.js";
import { Stage } from "../tile/stage.js";
import { Supply } from "./supply.js";
import { Surroundings } from "./surroundings.js";
import { stayAwake, timeDrag, timePaint } from "./timing.js";

/** @type {DeskPage} */
const page = pageData("desk-page");
const stage = new Stage(byId("tile-map"), { onCoarse: () => session.magnify() });
const { map, overlay } = stage;
/** @type {Session} */
const session = new Session({ page, stage });
const brush = new Brush({ session, stage, volunteer: page.volunteer, onPainted: refresh });
const ring = new Ring({ brush, element: byId("ring") });
const cursor = new Cursor({ stage, session, onMove: refresh });
const notes = new Notes({ stage, session });
const finer = new Finer({ stage, session });
const supply = new Supply({ session, onClose: () => focusTile() });
const commands = new Commands();
const focusTile = () => map.getContainer().focus({ preventScroll: true });
let moving = false; // the hand instead of the brush

function refresh() {
  const { current, behind } = session;
  const rest = current ? restOf(current, session.deciding) : [];
  panel.painting(current ? current.painting : null, {
    canGoBack: behind.length > 0,
    cursor: cursor.at,
    rest: rest.length + (current ? bareFragments(current).length : 0),
    // What is not shown is not accepted.
    suggested: rest.filter((superpixel) => notes.shown && current && suggested(current, superpixel)).length,
  });
}
session.addEventListener("change", refresh);

/** What lies under the paint, and how long the tile is this person's. */
function refreshNotes() {
  const { current, leases, deciding } = session;
  panel.notes({
    suggestions: Boolean(current?.tile.suggestions),
    shown: notes.shown,
    settled: Boolean(current?.tile.settled.length),
  });
  const state = current ? leases.stateOf(current) : "none";
  const spare = current && state === "none" && !current.tile.counts && !deciding;
  panel.lease(spare ? "spare" : state, current?.tile.lease_until);
}
session.addEventListener("change", refreshNotes);
session.leases.addEventListener("change", refreshNotes);

// --- the picture -----------------------------------------------------------------------------------------------

let strokeEnds = () => {};
paints(map, {
  mayPaint: () => Boolean(session.current) && !moving,
  begin: (stroke) => {
    cursor.leave();
    brush.begin(stroke);
    strokeEnds = timeDrag();
  },
  reach: (x, y) => brush.reach(x, y),
  drawn: (event) => {
    // Only the frame that shows new paint is timed, not every move.
    if (overlay.flush()) {
      timePaint(event);
    }
    finer.flush();
  },
  end: () => {
    strokeEnds();
    brush.end();
  },
  abort: () => {
    strokeEnds();
    brush.abort();
  },
  hover: (x, y) => {
    stayAwake();
    ring.moveTo(x, y);
  },
});

const light = wireLight({ button: panel.button("light"), stage: stage.element, onClose: focusTile });
const compare = new Compare({ session, stage });
const surroundings = new Surroundings({ session, stage, onDates: (dates) => compare.setDates(dates) });

/** @param {boolean} bare */
function ground(bare) {
  for (const layer of [overlay, notes, finer]) {
    layer.setVisible(!bare);
  }
  panel.pressed("ground", bare);
}

// Held with a finger or the mouse it shows the ground for as long; pressed from the keyboard it stays until the next.
const groundButton = panel.button("ground");
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

const paintCursor = (/** @type {Label | null} */ label) => cursor.at && brush.paintAll([cursor.at], label);

commands.add("verdict", (verdict) => {
  brush.choose(verdict);
  paintCursor(brush.label);
});
commands.add("look-alike", (name) => {
  brush.chooseLookAlike(name);
  paintCursor(brush.label);
});
commands.add("eraser", () => brush.setEraser(!brush.eraser));
commands.add("width", (width) => brush.setWidth(width));
commands.add("wider", () => brush.widen(1));
commands.add("narrower", () => brush.widen(-1));
commands.add("erase", () => {
  // On a fragment that is not painted: its superpixel is no longer mixed.
  if (!paintCursor(null) && fragmentOf(cursor.at)) {
    brush.paintAll([superpixelOf(cursor.at)], null);
  }
});
commands.add("enter", () => {
  if (!cursor.at) {
    session.submit();
  } else if (!cursor.enter()) {
    paintCursor(brush.label);
  }
});
commands.add("submit", () => session.submit());
commands.add("rest", () => brush.rest(() => "not_mining"));
commands.add("rest-suggested", () => {
  if (session.current?.tile.suggestions && !notes.shown) {
    panel.say(gettext("Suggestions are hidden: show them first"));
    return;
  }
  brush.rest((part) => (fragmentOf(part) || !session.current ? null : suggested(session.current, part)));
});
commands.add("suggestions", () => {
  if (!session.current?.tile.suggestions) {
    return false;
  }
  notes.setShown(!notes.shown);
  panel.say(notes.shown ? gettext("Suggestions shown") : gettext("Suggestions hidden"));
  refreshNotes();
  refresh();
});
commands.add("supply", () => supply.open());
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
commands.add("around", () => {
  surroundings.setVisible(!surroundings.visible);
  panel.pressed("around", surroundings.visible);
});
commands.add("dates", () => compare.toggle());
commands.add("light", () => light.toggle());
commands.add("light-reset", () => light.reset());
commands.add("whole", () => stage.fit());
commands.add("keys", () => byId("keys", HTMLDialogElement).showModal());
commands.add("escape", () => {
  cursor.out();
  if (light.isOpen()) {
    light.toggle();
  }
  if (compare.isOpen) {
    compare.close();
    focusTile();
  }
  return false;
});

const bindings = wireKeys({
  desk: byId("desk"),
  dialog: byId("keys"),
  // What a key can do and no button does.
  others: [
    { id: "erase", command: "erase", key: "0", name: gettext("Erase the superpixel you are on") },
    { id: "narrower", command: "narrower", key: "[", name: gettext("Narrower brush") },
    { id: "wider", command: "wider", key: "]", name: gettext("Wider brush") },
  ],
});
listen(bindings, {
  press: (name, argument, event) => commands.run(name, argument, event),
  lift: (name) => commands.end(name),
});

byId("desk").addEventListener("click", (event) => {
  const pressed = around(event, "button");
  if (!pressed) {
    return;
  }
  const { verdict, lookAlike, width, do: name } = pressed.dataset;
  if (verdict) {
    brush.choose(/** @type {Verdict} */ (verdict));
  } else if (lookAlike) {
    commands.run("look-alike", lookAlike);
  } else if (width) {
    commands.run("width", Number(width));
  } else if (name && name !== "ground") {
    commands.run(name);
  }
  // After a press with mouse or finger the keys belong to the tile again, Space and Enter among them.
  if (event.detail > 0 && !["keys", "light", "dates"].includes(name ?? "")) {
    focusTile();
  }
});

const [regionChoice] = queryAll(document, "#region", HTMLSelectElement); // there when the site has several regions
regionChoice?.addEventListener("change", () => regionChoice.form?.submit());
session.listen("open", (detail) => {
  if (regionChoice) {
    regionChoice.value = detail.tile.region;
  }
  panel.arrived(detail.painting.count, regionChoice?.selectedOptions[0]?.textContent || "");
});

session.start();
