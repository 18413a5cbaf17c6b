// Long work, watched: asks a job's address until it ends and shows how far it is.

import { api } from "./api.js";
import { queryAll } from "./dom.js";
import { gettext, interpolate, number } from "./i18n.js";

const ENDED = new Set(["done", "failed", "cancelled"]);
const FIRST_MS = 1000;
const SLOWEST_MS = 8000;

/**
 * Watch GET url -> {state, progress_done, progress_total, message, error, …}.
 * onChange(job) after every answer; resolves to the job when it is done, failed or cancelled. A lost connection is
 * waited out, more slowly each time; any other refusal rejects with the ApiError. signal stops the watching.
 * @param {string} url
 * @param {{every?: number, onChange?: (job: any) => void, signal?: AbortSignal}} options
 */
export async function watchJob(url, { onChange = () => {}, every = FIRST_MS, signal } = {}) {
  let pause = every;
  for (;;) {
    try {
      const job = await api.get(url, { signal });
      onChange(job);
      if (ENDED.has(job.state)) {
        return job;
      }
      pause = every;
    } catch (error) {
      if (!error.offline) {
        throw error;
      }
      pause = Math.min(pause * 2, SLOWEST_MS);
    }
    await wait(pause, signal);
  }
}

/**
 * Fills an element that holds a <progress> and a [data-text] with the state of a job.
 * @param {HTMLElement} root
 * @param {JobState} job
 */
export function showProgress(root, { progress_done: done = 0, progress_total: total = 0, message = "" }) {
  const bar = root.querySelector("progress");
  if (bar) {
    if (total > 0) {
      bar.max = total;
      bar.value = Math.min(done, total);
    } else {
      bar.removeAttribute("value");
    }
  }
  const text = root.querySelector("[data-text]");
  if (text) {
    const counted = interpolate(gettext("%(done)s of %(total)s"), { done: number(done), total: number(total) });
    const shown = [message, total > 0 ? counted : ""].filter(Boolean).join(" · ");
    if (shown && text.textContent !== shown) {
      text.textContent = shown;
    }
  }
}

/**
 * Every element with data-job="url": watches that job and shows it. When it ends, an "amber:job-ended" event with the
 * job as detail leaves the element, and with data-reload the page is read anew.
 */
export function wireJobs() {
  for (const host of queryAll(document, "[data-job]")) {
    watchJob(host.dataset.job ?? "", { onChange: (job) => showProgress(host, job) }).then(
      (job) => {
        host.dispatchEvent(new CustomEvent("amber:job-ended", { bubbles: true, detail: job }));
        if ("reload" in host.dataset) {
          window.location.reload();
        }
      },
      (error) => {
        const text = host.querySelector("[data-text]");
        if (text) {
          text.textContent = error.message;
        }
      },
    );
  }
}

/** @param {number} milliseconds @param {AbortSignal} [signal] @returns {Promise<void>} */
function wait(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    if (signal) {
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    }
  });
}
