// Sending many images: one after another, with progress, so that one bad file does not spoil the rest. The form itself
// then asks for the import.

import { api } from "../shared/api.js";
import { element, pageData } from "../shared/dom.js";
import { gettext, interpolate, ngettext, number } from "../shared/i18n.js";

const limits = pageData("upload");
const form = document.querySelector("[data-upload]");

if (form && limits) {
  wire(form);
}

function wire(host) {
  const input = host.querySelector('input[type="file"]');
  const panel = host.querySelector("[data-sending]");
  const bar = panel.querySelector("progress");
  const text = panel.querySelector("[data-text]");
  const refused = panel.querySelector("[data-refused]");
  const button = host.querySelector("button");
  let sending = false;

  window.addEventListener("beforeunload", (event) => {
    if (sending) {
      event.preventDefault();
    }
  });

  host.addEventListener("submit", async (event) => {
    event.preventDefault();
    const files = [...input.files];
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

  async function sendOne(file) {
    if (file.size > limits.mostBytes) {
      tellOf(interpolate(gettext("%(name)s is too large."), { name: file.name }));
      return false;
    }
    const body = new FormData();
    body.append("batch", host.elements.batch.value);
    body.append("file", file);
    try {
      await api.post(limits.url, body);
      return true;
    } catch (error) {
      tellOf(error.offline ? `${file.name}: ${error.message}` : error.message);
      return false;
    }
  }

  function tellOf(sentence) {
    refused.append(element("li", {}, sentence));
  }

  // The files are on the server already: what is left to send is the name of the batch.
  function ask(event) {
    event?.preventDefault();
    event?.stopImmediatePropagation();
    input.value = "";
    input.disabled = true;
    host.submit();
  }
}
