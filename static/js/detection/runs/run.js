// A run, watched live: figures follow the API, and the page is read anew when the run ends or is paused.

import { query, queryAll } from "../../shared/dom.js";
import { gettext, interpolate, number } from "../../shared/i18n.js";
import { watchJob } from "../../shared/progress.js";
import { toastError } from "../../shared/toast.js";

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 60) {
    return interpolate(gettext("%(seconds)s s"), { seconds: Math.max(Math.round(seconds), 1) });
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) {
    return interpolate(gettext("%(minutes)s min"), { minutes });
  }
  return interpolate(gettext("%(hours)s h %(minutes)s min"), {
    hours: Math.floor(minutes / 60),
    minutes: minutes % 60,
  });
}

const host = query(document, "[data-run]");
const field = (/** @type {string} */ name) => query(host, `[data-field="${name}"]`);

/** @param {WatchedRun} run */
function show(run) {
  if ((run.state === "paused") !== (host.dataset.state === "paused")) {
    window.location.reload(); // other buttons, and why
    return;
  }
  const bar = query(host, "progress", HTMLProgressElement);
  bar.max = Math.max(run.progress_total, 1);
  bar.value = run.progress_done;
  for (const name of /** @type {const} */ (["tiles_done", "tiles_failed", "shards_done", "detections"])) {
    field(name).textContent = number(run[name]);
  }
  field("rate").textContent = run.rate === null ? "–" : number(run.rate, { maximumFractionDigits: 1 });
  field("time_left").textContent = run.seconds_left === null ? "–" : duration(run.seconds_left);
  for (const waiting of queryAll(host, "[data-waiting]")) {
    waiting.hidden = run.progress_done > 0;
  }
}

watchJob(host.dataset.run ?? "", { onChange: show }).then(() => window.location.reload(), toastError);
