// The tutorial, wired together: a welcome, lessons one after another, and on to the desk.

import { api } from "../../shared/api.js";
import { around, byId, pageData, penOf, query, queryAll } from "../../shared/dom.js";
import { gettext, interpolate, ngettext, number } from "../../shared/i18n.js";
import { colour } from "../../shared/map.js";
import { toastError } from "../../shared/toast.js";
import { paints } from "../tile/gestures.js";
import { Lesson } from "./lesson.js";
import { pathOf, traceOutlines } from "../tile/outlines.js";
import { button, verdictName } from "../desk/panel.js";
import { sharpen } from "../tile/pictures.js";
import { Stage } from "../tile/stage.js";
import { load } from "../tile/tiles.js";

/** @type {Record<string, Verdict>} */
const KEYS = { 1: "mining", 2: "not_mining", 3: "unsure" };
const page = pageData("tutorial-page");
const deskLink = () => query(byId("welcome"), "[data-desk]", HTMLAnchorElement);

/** @type {Stage} */
let stage;
/** @type {Lesson} */
let lesson;
/** @type {OneLesson[]} */
let lessons = [];
let opened = 0; // which lesson is open
/** @type {Verdict} */
let brush = "mining";
/** @type {{passed: boolean, right: number, asked: number} | null} */
let result = null; // the server's, once the lesson is answered
let finished = false;

// --- welcome ---------------------------------------------------------------------------------------------------

async function welcome() {
  button("retry").hidden = true;
  byId("welcome-state").textContent = gettext("Fetching the lessons…");
  try {
    const told = await api.get(page.urls.lessons, { query: { region: page.region } });
    lessons = told.lessons;
    const desk = new URL(page.urls.desk, window.location.href);
    if (told.region) {
      desk.searchParams.set("region", told.region);
    }
    for (const link of queryAll(document, "[data-desk]")) {
      link.setAttribute("href", desk.href);
    }
    byId("examples").hidden = !lessons.length;
    if (!lessons.length) {
      byId("welcome-title").textContent = gettext("There are no lessons here yet");
      byId("welcome-state").textContent = gettext("Your labels count without them. Go on to the desk.");
      showWays({ desk: true });
      return;
    }
    byId("welcome-state").textContent = told.passed
      ? gettext("You have passed this already; you may look at it again.")
      : interpolate(
          ngettext("%(count)s tile, about a minute.", "%(count)s tiles, about a minute each.", lessons.length),
          {
            count: number(lessons.length),
          },
        );
    showWays({ begin: true, know: !told.passed, desk: told.passed });
    button("begin").focus();
    await showExamples();
  } catch (error) {
    byId("welcome-state").textContent = error.message;
    showWays({ retry: true });
  }
}

function showWays({ begin = false, retry = false, know = false, desk = false }) {
  button("begin").hidden = !begin;
  button("retry").hidden = !retry;
  for (const passing of queryAll(document, '[data-do="know"]')) {
    passing.hidden = !know; // not there where nobody may skip the lessons
  }
  deskLink().hidden = !desk;
}

/** Two pictures: ground of the lessons that is mining, and ground that is not. Their places are kept from the start. */
async function showExamples() {
  for (const canvas of queryAll(document, "[data-example]", HTMLCanvasElement)) {
    const shows = (/** @type {OneLesson} */ one) => (/** @type {number} */ k) =>
      one.answers[k].verdict === canvas.dataset.example;
    const one = lessons.find((each) => Object.keys(each.answers).map(Number).some(shows(each)));
    if (!one) {
      byId("examples").hidden = true;
      return;
    }
    const superpixel = Object.keys(one.answers).map(Number).filter(shows(one))[0];
    const { picture, raster } = await loaded(one);
    const scale = picture.naturalWidth / raster.width;
    const width = Math.min(raster.width, 320) * scale;
    const height = (width * canvas.height) / canvas.width;
    const { x, y } = raster.centres[superpixel];
    const left = Math.min(Math.max(x * scale - width / 2, 0), picture.naturalWidth - width);
    const top = Math.min(Math.max(y * scale - height / 2, 0), picture.naturalHeight - height);
    const context = penOf(canvas);
    context.drawImage(picture, left, top, width, height, 0, 0, canvas.width, canvas.height);
    const zoom = (canvas.width / width) * scale;
    context.setTransform(zoom, 0, 0, zoom, (-left / scale) * zoom, (-top / scale) * zoom);
    context.lineWidth = 4 / zoom;
    context.lineJoin = "round";
    context.strokeStyle = colour(canvas.dataset.example === "mining" ? "--mining" : "--not-mining", canvas);
    context.stroke(pathOf(traceOutlines(raster)[superpixel]));
  }
}

/** @param {OneLesson} one */
function loaded(one) {
  one.loading ||= load(one.tile).catch((error) => {
    one.loading = null;
    throw error;
  });
  return one.loading;
}

// --- lessons ---------------------------------------------------------------------------------------------------

/** @param {number} index */
async function open(index) {
  opened = index;
  const one = lessons[index];
  const ready = await loaded(one);
  byId("welcome").hidden = true;
  byId("lesson").hidden = false;
  if (!stage) {
    prepareStage();
  }
  result = null;
  lesson.show(ready, one.answers);
  byId("credit").textContent = one.tile.source.attribution;
  const name = interpolate(gettext("Lesson %(number)s of %(count)s"), {
    number: number(index + 1),
    count: number(lessons.length),
  });
  byId("lesson-title").textContent = name;
  byId("lesson-name").textContent = name;
  tell(null, gettext("Look at the marked superpixels"), gettext("Choose what you see, then press on the ground."));
  refresh();
  stage.element.focus({ preventScroll: true });
  sharpen(ready, { priority: "low" })
    .then((better) => better && lesson.loaded === ready && stage.setPicture(ready.picture))
    .catch((error) => console.warn(error.message));
  if (lessons[index + 1]) {
    loaded(lessons[index + 1]).catch((error) => console.warn(error.message));
  }
}

function prepareStage() {
  stage = new Stage(byId("tile-map"));
  lesson = new Lesson({ stage, onAnswer: answered, onMove: moved });
  let touched = false;
  paints(stage.map, {
    mayPaint: () => !finished,
    begin: () => {
      lesson.leave();
      touched = false;
    },
    // A stroke answers for the first superpixel it meets: an answer is not taken back.
    reach: (x, y) => {
      if (!touched) {
        touched = true;
        answer(lesson.loaded?.raster.at(x, y) ?? 0);
      }
    },
    drawn: () => stage.overlay.flush(),
    end: () => {},
    abort: () => {},
    hover: () => {},
  });
}

/** @param {number} superpixel */
function answer(superpixel) {
  if (superpixel && !lesson.answer(superpixel, brush) && !lesson.answers[superpixel]) {
    tell(null, gettext("Not asked about"), gettext("Only the marked superpixels have a known answer."));
  }
}

/** @param {GivenAnswer} given */
function answered({ right, said, answer: known }) {
  const name = verdictName(known.verdict);
  const quoted = gettext("“%(text)s”");
  const truth = interpolate(quoted, { text: name }) + (known.look_alike ? ` (${known.look_alike})` : "");
  const title = right
    ? interpolate(gettext("Right: %(truth)s"), { truth })
    : interpolate(gettext("Not quite: it is %(truth)s; you said %(said)s"), {
        truth,
        said: interpolate(quoted, { text: verdictName(said) }),
      });
  tell(right, title, known.why);
  refresh();
  if (!lesson.left) {
    finish();
  }
}

async function finish() {
  const taken = lessons[opened];
  /** @type {NonNullable<typeof result>} */
  let told;
  try {
    told = await api.post(page.urls.take.replace("/0/", `/${taken.id}/`), { answers: lesson.said });
    result = told;
  } catch (error) {
    toastError(error);
    button("again").disabled = false;
    return;
  }
  taken.passed ||= told.passed;
  const score = interpolate(gettext("%(right)s of %(asked)s right."), {
    right: number(told.right),
    asked: number(told.asked),
  });
  const last = byId("told-title").textContent;
  tell(
    told.passed,
    `${score} ${told.passed ? gettext("Lesson passed.") : gettext("Not enough yet: try it once more.")}`,
    `${last}. ${byId("told-why").textContent}`,
  );
  refresh();
  (told.passed ? button("next") : button("again")).focus();
}

/** What comes after a passed lesson: the first that is not passed yet, or 0 and on to the desk. */
const following = () => lessons.findIndex((one, index) => !one.passed && index !== opened);

function next() {
  const index = following();
  if (index >= 0) {
    open(index).catch(toastError);
    return;
  }
  finished = true;
  byId("lesson").hidden = true;
  byId("welcome").hidden = false;
  byId("examples").hidden = true;
  byId("welcome-title").textContent = gettext("You know what to look for");
  query(byId("welcome"), "p").textContent = gettext("From now on your labels count.");
  byId("welcome-state").textContent = "";
  showWays({ desk: true });
  const way = deskLink();
  way.classList.replace("btn--quiet", "btn--primary");
  way.focus();
}

function refresh() {
  const asked = lesson.asked.length;
  const done = asked - lesson.left;
  const bar = byId("progress", HTMLProgressElement);
  bar.max = asked;
  bar.value = done;
  byId("answered").textContent = interpolate(gettext("%(done)s of %(asked)s answered"), {
    done: number(done),
    asked: number(asked),
  });
  button("again").disabled = done === 0;
  button("next").disabled = !result?.passed;
  byId("next-text").textContent = following() >= 0 ? gettext("Next lesson") : gettext("Done");
}

/** @param {boolean | null} right @param {string} title @param {string} why */
function tell(right, title, why) {
  const mark = byId("told-mark");
  mark.hidden = right === null;
  mark.textContent = right ? "✓" : "✗";
  mark.className = right ? "mark" : "mark mark--wrong";
  byId("told-title").textContent = title;
  byId("told-why").textContent = why;
}

/** @param {number} superpixel */
function moved(superpixel) {
  if (superpixel) {
    const said = lesson.said[superpixel];
    byId("said").textContent = interpolate(gettext("Superpixel %(number)s: %(what)s"), {
      number: superpixel,
      what: said ? verdictName(said) : gettext("not answered"),
    });
  }
}

/** @param {Verdict} verdict */
function choose(verdict) {
  brush = verdict;
  for (const choice of queryAll(document, "[data-verdict]")) {
    choice.setAttribute("aria-pressed", String(choice.dataset.verdict === verdict));
  }
}

function again() {
  result = null;
  lesson.again();
  tell(null, gettext("Look at the marked superpixels"), gettext("Choose what you see, then press on the ground."));
  refresh();
  stage.element.focus({ preventScroll: true });
}

// --- presses and keys ------------------------------------------------------------------------------------------

/** @type {Record<string, () => void>} */
const actions = {
  begin: () =>
    open(
      Math.max(
        lessons.findIndex((one) => !one.passed),
        0,
      ),
    ).catch(toastError),
  retry: welcome,
  again,
  next,
  know: async () => {
    try {
      await api.post(page.urls.know);
      window.location.assign(deskLink().href);
    } catch (error) {
      toastError(error);
    }
  },
};

query(document, "main").addEventListener("click", (event) => {
  const pressed = around(event, "button");
  if (!pressed) {
    return;
  }
  const { verdict, do: name } = pressed.dataset;
  if (verdict) {
    choose(/** @type {Verdict} */ (verdict));
    if (event.detail > 0) {
      stage.element.focus({ preventScroll: true });
    }
  } else if (name) {
    actions[name]();
  }
});

document.addEventListener("keydown", (event) => {
  if (!lesson || byId("lesson").hidden || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  const onStage = document.activeElement === stage.element || document.activeElement === document.body;
  const place = /^(?:Digit|Numpad)([1-3])$/.exec(event.code);
  let handled = true;
  if (place) {
    choose(KEYS[place[1]]);
    if (lesson.at) {
      answer(lesson.at);
    }
  } else if (onStage && event.key.startsWith("Arrow")) {
    lesson.move(/** @type {Direction} */ (event.key.slice("Arrow".length).toLowerCase()));
  } else if (onStage && event.key === "Tab") {
    handled = document.activeElement === stage.element && lesson.step(event.shiftKey ? -1 : 1);
  } else if (onStage && event.key === "Enter") {
    if (lesson.at) {
      answer(lesson.at);
    } else if (result?.passed) {
      next();
    }
  } else if (event.key === "Escape") {
    lesson.leave();
  } else {
    handled = false;
  }
  if (handled) {
    event.preventDefault();
  }
});

welcome();
