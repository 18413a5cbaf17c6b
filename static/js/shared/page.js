// What every page has: the menu on phones, menus that close, tabs in sight, the demo's progress bar, copying, asking
// before sending.

import { api } from "./api.js";
import { queryAll } from "./dom.js";
import { wireConfirmations, wireDialogs } from "./dialog.js";
import { toastError } from "./toast.js";

const PREPARING_MS = 2000;

function wireNavigation() {
  const [toggle] = queryAll(document, ".nav-toggle");
  const nav = document.getElementById(toggle?.getAttribute("aria-controls") ?? "");
  if (!toggle || !nav) {
    return;
  }
  const open = (/** @type {boolean} */ wanted) => {
    nav.toggleAttribute("data-open", wanted);
    toggle.setAttribute("aria-expanded", String(wanted));
  };
  toggle.addEventListener("click", () => open(toggle.getAttribute("aria-expanded") !== "true"));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && toggle.getAttribute("aria-expanded") === "true") {
      open(false);
      toggle.focus();
    }
  });
}

function wireMenus() {
  const menus = queryAll(document, "details.menu", HTMLDetailsElement);
  document.addEventListener("click", (event) => {
    for (const menu of menus) {
      if (menu.open && event.target instanceof Node && !menu.contains(event.target)) {
        menu.open = false;
      }
    }
  });
  for (const menu of menus) {
    menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && menu.open) {
        event.stopPropagation();
        menu.open = false;
        menu.querySelector("summary")?.focus();
      }
    });
  }
}

/** Tabs that are wider than the screen begin where the reader is. */
function wireTabs() {
  for (const tabs of document.querySelectorAll(".tabs")) {
    const here = tabs.querySelector("[aria-current]");
    if (here && tabs.scrollWidth > tabs.clientWidth) {
      const [own, all] = [here.getBoundingClientRect(), tabs.getBoundingClientRect()];
      tabs.scrollLeft += own.left - all.left - (all.width - own.width) / 2;
    }
  }
}

function wirePreparing() {
  const [bar] = queryAll(document, "[data-preparing]");
  if (!bar) {
    return;
  }
  const look = async () => {
    try {
      const { showProgress } = await import("./progress.js");
      const state = await api.get(bar.dataset.preparing ?? "");
      if (state.ready) {
        window.location.reload();
        return;
      }
      showProgress(bar, { progress_done: state.done, progress_total: state.total, message: state.message });
      if (state.failed) {
        return;
      }
    } catch (error) {
      console.warn(error.message);
    }
    setTimeout(look, PREPARING_MS);
  };
  look();
}

/** What most pages do without is only fetched by those that hold something for it. */
async function wireWhatIsThere() {
  if (document.querySelector("[data-copy]")) {
    const { wireCopy } = await import("./share.js");
    wireCopy();
  }
  if (document.querySelector("[data-job]")) {
    const { wireJobs } = await import("./progress.js");
    wireJobs();
  }
}

wireNavigation();
wireMenus();
wireTabs();
wirePreparing();
wireDialogs();
wireConfirmations();
wireWhatIsThere().catch(toastError);
