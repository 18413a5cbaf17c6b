// Sending many images: one after another, with progress, so that one bad file does not spoil the rest. The form itself
// then asks for the import.

import { api } from "../../shared/api.js";
import { element, pageData, query, queryAll } from "../../shared/dom.js";
import { gettext, interpolate, ngettext, number } from "../../shared/i18n.js";

/** @type {{mostFiles: number, mostBytes: number, url: string} | null} */
const told = pageData("upload");

if (told) {
  for (const form of queryAll(document, "[data-upload]", HTMLFormElement)) {
    wire(form, told);
  }
}

/** @param {HTMLFormElement} host @param {{mostFiles: number, mostBytes: number, url: string}} limits */
function wire(host, limits) {
  const input = query(host, 'input[type="file"]', HTMLInputElement);
  const panel = query(host, "[data-sending]");
  const bar = query(panel, "progress", HTMLProgressElement);
  const text = query(panel, "[data-text]");
  const refused = query(panel, "[data-refused]");
  const button = query(host, "button", HTMLButtonElement);
  let sending = false;

  window.addEventListener("beforeunload", (event) => {
    if (sending) {
      event.preventDefault();
    }
  });

  host.addEventListener("submit", async (event) => {
    event.preventDefault();
    const files = [...(input.files ?? [])];
    if (sending || !files.length) {
      return;
    }
    refused.replaceChildren();
    panel.hidden = false;
    if (files.length > limits.mostFiles) {
      tellOf(
        interpolate(gettext("%(count)s files are chosen; at most %(most)s can be sent at once."), {
          count: number(files.length),
          most: number(limits.mostFiles),
        }),
      );
      return;
    }
    sending = true;
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    const sent = await sendAll(files);
    sending = false;
    button.disabled = false;
    button.removeAttribute("aria-busy");
    if (!sent) {
      text.textContent = gettext("None of the files could be sent.");
      return;
    }
    if (refused.children.length) {
      text.textContent = interpolate(
        ngettext("%(count)s file was sent, others were not.", "%(count)s files were sent, others were not.", sent),
        { count: number(sent) },
      );
      button.textContent = gettext("Import what was sent");
      host.addEventListener("submit", ask, { once: true, capture: true });
      return;
    }
    text.textContent = gettext("All files are sent; the import begins.");
    ask();
  });

  /** @param {File[]} files */
  async function sendAll(files) {
    const total = files.reduce((sum, file) => sum + file.size, 0) || 1;
    let bytes = 0;
    let sent = 0;
    for (const [index, file] of files.entries()) {
      text.textContent = interpolate(gettext("Sending %(number)s of %(total)s"), {
        number: number(index + 1),
        total: number(files.length),
      });
      if (await sendOne(file)) {
        sent += 1;
      }
      bytes += file.size;
      bar.value = bytes / total;
    }
    return sent;
  }

  /** @param {File} file */
  async function sendOne(file) {
    if (file.size > limits.mostBytes) {
      tellOf(interpolate(gettext("%(name)s is too large."), { name: file.name }));
      return false;
    }
    const body = new FormData();
    body.append("batch", query(host, "[name=batch]", HTMLInputElement).value);
    body.append("file", file);
    try {
      await api.post(limits.url, body);
      return true;
    } catch (error) {
      tellOf(error.offline ? `${file.name}: ${error.message}` : error.message);
      return false;
    }
  }

  /** @param {string} sentence */
  function tellOf(sentence) {
    refused.append(element("li", {}, sentence));
  }

  // The files are on the server already: what is left to send is the name of the batch.
  /** @param {Event} [event] */
  function ask(event) {
    event?.preventDefault();
    event?.stopImmediatePropagation();
    input.value = "";
    input.disabled = true;
    host.submit();
  }
}
