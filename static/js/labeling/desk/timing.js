// The desk's own stop-watch, readable by anybody through performance.getEntriesByType("measure"):
//   amber:paint  from the pointer's event to the frame that shows what it painted; detail {drawn}: to the end of drawing,
//                in ms, the rest being the wait for the screen
//   amber:drag   one stroke; detail {frames, worst}: frames drawn and the longest wait between two, in ms
//   amber:next   from sending (or skipping) a tile to the frame that shows the next one
// Nothing is sent anywhere.

const KEPT = 1000; // entries of each name before the oldest are thrown away

const AWAKE_MS = 600; // a press mostly follows the move that led there within this time

/** @type {Map<string, number>} */
const counted = new Map();

/** @param {string} name @param {number} start @param {number} end @param {object} [detail] */
function measure(name, start, end, detail) {
  const count = (counted.get(name) || 0) + 1;
  counted.set(name, count % KEPT);
  if (count === KEPT) {
    performance.clearMeasures(name);
  }
  performance.measure(name, { start, end, detail });
}

/**
 * Run something once the next frame has been handed over to be shown: what is not needed on the screen can wait.
 * @param {() => void} run
 */
export function afterPaint(run) {
  // A task posted while a frame is made runs right after that frame.
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = run;
    channel.port2.postMessage(null);
  });
}

let awakeUntil = 0;
let awake = false;

/**
 * Keep frames coming for a moment. A page at rest has to ask for its next frame first and may just miss it; one that
 * is awake when the press comes shows what was painted a few milliseconds sooner.
 */
export function stayAwake() {
  awakeUntil = performance.now() + AWAKE_MS;
  const tick = (/** @type {number} */ now) => {
    awake = now < awakeUntil;
    if (awake) {
      requestAnimationFrame(tick);
    }
  };
  if (!awake) {
    awake = true;
    requestAnimationFrame(tick);
  }
}

/**
 * What an event changed has been drawn; its time runs until the next frame is made of it.
 * @param {PointerEvent} event
 */
export function timePaint(event) {
  const drawn = performance.now() - event.timeStamp;
  requestAnimationFrame(() => measure("amber:paint", event.timeStamp, performance.now(), { drawn }));
}

/** Count frames from now on. Returns a function that ends it. */
export function timeDrag() {
  const start = performance.now();
  let frames = 0;
  let worst = 0;
  let latest = start;
  let running = true;
  const tick = (/** @type {number} */ now) => {
    if (running) {
      frames += 1;
      worst = Math.max(worst, now - latest);
      latest = now;
      requestAnimationFrame(tick);
    }
  };
  requestAnimationFrame(tick);
  return () => {
    running = false;
    measure("amber:drag", start, performance.now(), { frames, worst });
  };
}

/**
 * A tile was sent now. Returns a function to call when the next one has been put on the stage.
 * @returns {() => void}
 */
export function timeNext() {
  const start = performance.now();
  return () => {
    requestAnimationFrame(() => measure("amber:next", start, performance.now()));
  };
}
