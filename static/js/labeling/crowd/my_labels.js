// The map of own tiles. Labels that still wait on this machine are sent from this page too; when some arrived, the page
// counts again.

import { byId, pageData } from "../../shared/dom.js";
import { interpolate, ngettext, number } from "../../shared/i18n.js";
import { toastError } from "../../shared/toast.js";
import { showTiles } from "./my_map.js";
import { Outbox } from "../desk/outbox.js";

const page = pageData("my-page");
const notice = byId("unsent");
let arrived = 0;

if (page.tiles.length) {
  showTiles(byId("my-map"), page);
  byId("my-legend").hidden = false;
}

const outbox = new Outbox({
  volunteer: page.volunteer,
  urls: page.urls,
  onState: ({ state, tiles }) => {
    if (state === "saved" && arrived) {
      window.location.reload();
    }
    notice.hidden = tiles.length === 0;
    notice.textContent = interpolate(
      ngettext("%(count)s tile waiting to be sent", "%(count)s tiles waiting to be sent", tiles.length),
      { count: number(tiles.length) },
    );
  },
  onReceipt: () => {
    arrived += 1;
  },
  onRefused: (error, entry) => entry.kind === "submit" && toastError(error),
});

outbox.send();
