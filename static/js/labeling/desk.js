// The labelling desk: takes tiles from the queue, lets a person paint them, hands the labels to the outbox.

import { api } from "../shared/api.js";
import { pageData } from "../shared/dom.js";
import { gettext, interpolate, ngettext, number } from "../shared/i18n.js";
import { toast, toastError } from "../shared/toast.js";
import { dropDraft, readDraft, writeDraft } from "./drafts.js";
import { paints } from "./gestures.js";
import { Painting } from "./history.js";
import { keysOn, listen, setKeysOn } from "./keys.js";
import { wireLight } from "./light.js";
import { newId, Outbox } from "./outbox.js";
import { panel, verdictName } from "./panel.js";
import { Stage } from "./stage.js";
import { load, release, TileQueue } from "./tiles.js";

const PATIENCE_MS = 200; // a tile that comes sooner needs no "fetching" in between
const RETRY_MS = 5000;
const REMEMBERED = 5; // tiles one can go back to

const page = pageData("desk-page");
const stage = new Stage(document.getElementById("tile-map"));
const { map, overlay } = stage;
const regionChoice = document.getElementById("region"); // there when the site has several regions

const brush = { verdict: "mining", lookAlike: "" };
let current = null; // {tile, raster, picture, painting, submission} on the screen
let behind = []; // tiles left behind, the latest last, with what was sent of them
const skipped = new Set();
let moving = false; // the hand instead of the brush
let erasing = false;
let cursor = 0;
let reading = []; // superpixels in reading order, for Tab
let { session } = page; // the server's count of tiles labelled
let mail = { state: "saved", waiting: 0, tiles: [], pending: 0 };
let lastWish = null; // what `bring` was last asked for
let turn = 0; // counts tiles asked for, so that a late answer to an old question is dropped

const queue = new TileQueue({
  url: page.urls.next,
  region: page.region,
  held: () => [...skipped, ...mail.tiles, ...(current ? [current.tile.segmented_tile] : [])],
  onSession: showSession,
});

const outbox = new Outbox({
  volunteer: page.volunteer,
  urls: page.urls,
  onState: (told) => {
    mail = told;
    panel.saved(mail, page.urls.login);
    showToday();
  },
  onReceipt: (receipt) => showSession(receipt.session),
  onRefused: (error, entry) => {
    // Taking back what never arrived needs no explanation.
    if (entry.kind === "submit") {
      toastError(error);
    }
  },
});

function showSession(told) {
  session = told;
  showToday();
}

function showToday() {
  panel.today(Math.max(0, session.tiles_today + mail.pending));
}

function refresh() {
  panel.painting(current && current.painting, {
    canGoBack: behind.length > 0,
    cursor,
    extra: Boolean(current && current.tile.extra),
  });
}

// --- tiles -----------------------------------------------------------------------------------------------------

function open(loaded, { labels = [], submission = null, draft = null } = {}) {
  leaveCursor();
  stage.show(loaded);
  const painting = new Painting(loaded.raster.count, labels, (superpixel, label) => {
    overlay.paint(superpixel, label && label.verdict);
  });
  current = { ...loaded, painting, submission };
  reading = loaded.raster.readingOrder();
  painting.entries().forEach(({ superpixel, verdict }) => overlay.paint(superpixel, verdict));
  if (draft) {
    painting.begin();
    draft.forEach(({ superpixel, verdict, lookAlike }) => painting.paint(superpixel, { verdict, lookAlike }));
    painting.commit();
  }
  panel.uncover();
  panel.place(loaded.tile);
  panel.shown(loaded.tile.segmented_tile);
  const address = new URL(page.urls.desk, window.location.href);
  address.searchParams.set("region", loaded.tile.region);
  address.searchParams.set("tile", loaded.tile.segmented_tile);
  window.history.replaceState(null, "", address);
  map.getContainer().setAttribute(
    "aria-label",
    interpolate(
      ngettext(
        "Satellite image of a tile with %(count)s superpixel",
        "Satellite image of a tile with %(count)s superpixels",
        loaded.raster.count,
      ),
      { count: number(loaded.raster.count) },
    ),
  );
  if (regionChoice) {
    regionChoice.value = loaded.tile.region;
  }
  refresh();
  prefetch();
}

function prefetch() {
  queue.fill().catch((error) => console.warn(error.message));
}

function close() {
  leaveCursor();
  current = null;
  stage.clear();
  panel.shown("");
  refresh();
}

/** Show what `find` brings: a loaded tile, or the reason why there is none. */
async function bring(find) {
  turn += 1;
  lastWish = find;
  const mine = turn;
  const patience = setTimeout(() => panel.cover(gettext("Fetching the tile…")), PATIENCE_MS);
  try {
    const found = await find();
    if (mine !== turn) {
      return;
    }
    if (found.loaded) {
      open(found.loaded, found);
    } else {
      close();
      nothingLeft(found);
    }
  } catch (error) {
    if (mine !== turn) {
      return;
    }
    close();
    const title = error.offline ? gettext("You are offline") : gettext("The tile did not come");
    const text = error.offline
      ? gettext("What you have painted is kept on this machine. The next tile comes with the network.")
      : error.message;
    panel.cover(title, text, ["retry"]);
    if (error.name !== "ApiError") {
      console.error(error);
    }
    const again = () => {
      if (mine === turn) {
        bring(find);
      }
    };
    setTimeout(again, RETRY_MS);
    window.addEventListener("online", again, { once: true });
  } finally {
    clearTimeout(patience);
  }
}

async function fromQueue() {
  const taken = await queue.take();
  return taken.raster ? { loaded: taken, draft: taken.draft } : taken;
}

const nextTile = () => bring(fromQueue);

function nothingLeft({ reason, message }) {
  const ways = ["mine"];
  if (skipped.size) {
    ways.unshift("skipped");
  }
  const title = reason === "no_tiles" ? gettext("No tiles yet") : gettext("No tile is left");
  panel.cover(title, message, ways);
}

/** The tile that the address names, with what this person has said about it or painted before a reload. */
async function linked(number) {
  const answer = await api.get(page.urls.tile.replace("/0/", `/${number}/`));
  showSession(answer.session);
  const loaded = await load(answer.tile);
  const { mine } = answer.tile;
  const labels = mine
    ? mine.labels.map(({ superpixel, verdict, look_alike }) => ({ superpixel, verdict, lookAlike: look_alike }))
    : [];
  return { loaded, labels, submission: mine && mine.submission, draft: readDraft(page.volunteer, answer.tile.segmented_tile) };
}

// --- painting --------------------------------------------------------------------------------------------------

const labelOfBrush = () => ({
  verdict: brush.verdict,
  lookAlike: brush.verdict === "not_mining" ? brush.lookAlike : "",
});

paints(map, {
  mayPaint: () => Boolean(current) && !moving,
  begin: ({ erase }) => {
    leaveCursor();
    erasing = erase;
    current.painting.begin();
  },
  reach: ({ lat, lng }) => {
    const superpixel = current.raster.at(lng, -lat);
    if (superpixel) {
      current.painting.paint(superpixel, erasing ? null : labelOfBrush());
    }
  },
  end: () => painted(current.painting.commit()),
  abort: () => current && current.painting.abort(),
});

/** After every finished stroke: say it, count it, keep it over a reload. */
function painted(superpixels) {
  if (superpixels.length) {
    const label = current.painting.labels[superpixels[0]];
    const what = label ? verdictName(label.verdict) : gettext("not painted");
    const which =
      superpixels.length === 1
        ? interpolate(gettext("Superpixel %(number)s"), { number: superpixels[0] })
        : interpolate(ngettext("%(count)s superpixel", "%(count)s superpixels", superpixels.length), {
            count: number(superpixels.length),
          });
    panel.say(
      interpolate(gettext("%(which)s: %(what)s. %(painted)s of %(count)s painted."), {
        which,
        what,
        painted: number(current.painting.painted),
        count: number(current.painting.count),
      }),
    );
  }
  writeDraft(page.volunteer, current.tile.segmented_tile, current.painting.entries());
  refresh();
}

function choose(verdict) {
  brush.verdict = verdict;
  panel.brush(brush);
}

/** The look-alike of the brush; the stroke just made gets it too, if it was "not mining". */
function chooseLookAlike(name) {
  brush.lookAlike = brush.lookAlike === name ? "" : name;
  panel.brush(brush);
  const { painting } = current || {};
  const latest = painting ? painting.latest().filter((k) => painting.labels[k]?.verdict === "not_mining") : [];
  if (latest.length) {
    painting.begin();
    latest.forEach((superpixel) => painting.paint(superpixel, labelOfBrush()));
    painted(painting.commit());
  }
}

function rest() {
  const count = current.painting.fill({ verdict: "not_mining", lookAlike: "" });
  painted(current.painting.latest().slice(0, count));
}

// --- sending, skipping, going back -----------------------------------------------------------------------------

let busy = false; // a second Enter while the first is being kept must not send twice

async function submit() {
  if (!current || busy) {
    return;
  }
  busy = true;
  try {
    const left = current;
    const { tile, painting } = left;
    painting.commit();
    if (painting.painted && (painting.changed || !left.submission)) {
      const id = newId();
      if (left.submission) {
        await outbox.withdraw(left.submission, tile.segmented_tile);
      }
      await outbox.submit(id, tile.segmented_tile, painting.entries());
      left.submission = id;
      skipped.delete(tile.segmented_tile);
    } else if (!painting.painted) {
      if (left.submission) {
        await outbox.withdraw(left.submission, tile.segmented_tile);
        left.submission = null;
      }
      skipped.add(tile.segmented_tile);
    }
    dropDraft();
    behind.push(left);
    behind.splice(0, Math.max(0, behind.length - REMEMBERED)).forEach(release);
    await nextTile();
  } catch (error) {
    toastError(error);
  } finally {
    busy = false;
  }
}

/** The tile before, with what was said of it. It is sent again only if something is changed there. */
function back() {
  const before = behind.pop();
  if (!before) {
    return;
  }
  if (current) {
    queue.putBack(current, current.painting.entries());
  }
  skipped.delete(before.tile.segmented_tile);
  turn += 1;
  open(before, { labels: before.painting.entries(), submission: before.submission });
  panel.say(gettext("Back to the tile before."));
}

function showSkipped() {
  skipped.clear();
  queue.forget();
  nextTile();
}

// --- the keyboard's cursor -------------------------------------------------------------------------------------

function goTo(superpixel) {
  map.getContainer().focus({ preventScroll: true });
  cursor = superpixel;
  overlay.cursor(superpixel);
  const { x, y } = current.raster.centres[superpixel];
  stage.reveal(x, y);
  const label = current.painting.labels[superpixel];
  panel.say(
    interpolate(gettext("Superpixel %(number)s: %(what)s"), {
      number: superpixel,
      what: label ? verdictName(label.verdict) : gettext("not painted"),
    }),
  );
  refresh();
}

function leaveCursor() {
  if (cursor) {
    cursor = 0;
    overlay.cursor(0);
    refresh();
  }
}

/** Tab walks through the superpixels and, past the last one, on to the page: no trap. */
function step(by) {
  const at = reading.indexOf(cursor);
  const next = cursor ? reading[at + by] : reading[by > 0 ? 0 : reading.length - 1];
  if (!next) {
    leaveCursor();
    return false;
  }
  goTo(next);
  return true;
}

// --- commands --------------------------------------------------------------------------------------------------

const light = wireLight({
  button: document.querySelector('[data-do="light"]'),
  onLight: (brightness, contrast) => stage.setLight(brightness, contrast),
  onClose: () => map.getContainer().focus({ preventScroll: true }),
});

const commands = {
  verdict: (verdict) => {
    choose(verdict);
    if (cursor) {
      current.painting.paint(cursor, labelOfBrush());
      painted([cursor]);
    }
  },
  erase: () => cursor && current.painting.paint(cursor, null) && painted([cursor]),
  enter: () => {
    if (!cursor) {
      submit();
    } else if (current.painting.paint(cursor, labelOfBrush())) {
      painted([cursor]);
    }
  },
  submit,
  rest: () => current && rest(),
  undo: () => current && painted(current.painting.undo()),
  redo: () => current && painted(current.painting.redo()),
  back,
  hand: () => {
    moving = !moving;
    stage.setHand(moving);
    panel.pressed("hand", moving);
    panel.say(moving ? gettext("Moving the picture") : gettext("Painting"));
  },
  outlines: () => {
    overlay.setOutlined(!overlay.outlined);
    panel.pressed("outlines", overlay.outlined);
  },
  light: () => light.toggle(),
  "light-reset": () => light.reset(),
  whole: () => stage.fit(),
  keys: () => document.getElementById("keys").showModal(),
  retry: () => bring(lastWish),
  skipped: showSkipped,
};

function ground(bare) {
  overlay.setVisible(!bare);
  panel.pressed("ground", bare);
}

listen((command, argument, event) => {
  const onMap = document.activeElement === map.getContainer();
  switch (command) {
    case "ground":
      ground(true);
      return true;
    case "ground-end":
      ground(false);
      return false;
    case "cursor":
      if (!current || !(onMap || document.activeElement === document.body)) {
        return false;
      }
      goTo(cursor ? current.raster.neighbour(cursor, argument) : reading[0]);
      return true;
    case "cursor-step":
      return Boolean(current && onMap) && step(argument);
    case "escape":
      leaveCursor();
      if (light.isOpen()) {
        light.toggle();
      }
      return false;
    default:
      if (event.repeat && command !== "undo" && command !== "redo") {
        return true;
      }
      commands[command](argument);
      return true;
  }
});

document.getElementById("desk").addEventListener("click", (event) => {
  const pressed = event.target.closest("button");
  if (!pressed) {
    return;
  }
  if (pressed.dataset.verdict) {
    choose(pressed.dataset.verdict);
  } else if (pressed.dataset.lookAlike) {
    chooseLookAlike(pressed.dataset.lookAlike);
  } else if (pressed.dataset.do && pressed.dataset.do !== "ground") {
    commands[pressed.dataset.do]();
  }
  // After a press with mouse or finger the keys belong to the tile again, Space and Enter among them.
  if (event.detail > 0 && pressed.dataset.do !== "keys" && pressed.dataset.do !== "light") {
    map.getContainer().focus({ preventScroll: true });
  }
});

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

const keysBox = document.getElementById("keys-on");
keysBox.checked = keysOn();
keysBox.addEventListener("change", () => setKeysOn(keysBox.checked));

map.getContainer().addEventListener("blur", leaveCursor);
window.addEventListener("online", () => current && prefetch());

if (regionChoice) {
  regionChoice.addEventListener("change", () => regionChoice.form.submit());
}

// --- start -----------------------------------------------------------------------------------------------------

async function start() {
  panel.brush(brush);
  panel.saved(mail, page.urls.login);
  showToday();
  const waiting = await outbox.waiting();
  mail.tiles = waiting.map(({ tile }) => tile);
  outbox.send();
  if (!page.tile) {
    await nextTile();
    return;
  }
  await bring(async () => {
    try {
      return await linked(page.tile);
    } catch (error) {
      if (error.status !== 404) {
        throw error;
      }
      toast(error.message);
      return fromQueue();
    }
  });
}

start();
