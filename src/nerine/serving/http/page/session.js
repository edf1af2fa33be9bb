// What the views share: the server, its models, the thresholds, errors, and downloads.

import { byId, counted, element } from "./dom.js";
import { FORMATS, save } from "./writing.js";

const TITLES = { expected: "Expected", place: "Where", hint: "What to do", request_id: "Request" };

export class Session {
  models = [];
  limits = {};

  constructor(server, thresholds) {
    this.server = server;
    this.thresholds = thresholds;
  }

  /** The chosen model; undefined before the server has named its models. */
  get model() {
    return this.models.find(({ name }) => name === byId("model").value) ?? this.models[0];
  }

  /**
   * Shows an error in `place`, or nothing for null. A missing key is asked for instead.
   *
   * An error that ended nothing but a cancelled request is not shown.
   */
  showError(place, error) {
    place.replaceChildren();
    place.hidden = !error || error.name === "AbortError";
    if (place.hidden) return;
    if (error.status === 401) this.askForKey(error);
    place.append(element("p", { class: "message" }, error.message), detailsOf(error));
  }

  /** Shows the field for the API key. */
  askForKey(error) {
    byId("key-panel").hidden = false;
    byId("key-error").textContent = error.message;
    byId("key").focus();
  }

  /** The buttons that download what `tagged()` returns, and their status. */
  downloads(root, name, tagged) {
    const status = root.querySelector("[role=status]");
    for (const button of root.querySelectorAll("button[data-format]")) {
      button.addEventListener("click", () => {
        const { ending, type, write } = FORMATS[button.dataset.format];
        try {
          const { documents, left } = tagged();
          const { content, notes } = write(documents);
          const file = `${name()}.${ending}`;
          save(file, content, type);
          const number = documents.reduce((sum, { entities }) => sum + entities.length, 0);
          const parts = `${counted(documents.length, "text")} with ${counted(number, "entity", "entities")}`;
          const rest = left ? [`${counted(left, "text")} without a result: not in the file.`] : [];
          status.textContent = [`${file}: ${parts}.`, ...rest, ...notes].join(" ");
        } catch (error) {
          status.textContent = error.message;
        }
      });
    }
  }
}

/** What a refusal says beyond its message. */
export function detailsOf(error) {
  const known = (error.details ?? []).filter(([name]) => TITLES[name]);
  const rows = known.map(([name, value]) =>
    element("div", {}, element("dt", {}, TITLES[name]), element("dd", {}, value)),
  );
  return rows.length ? element("dl", {}, ...rows) : "";
}
