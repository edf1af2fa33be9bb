// The view of one text: its entities, by one model or by two side by side.

import { byId, counted, element } from "./dom.js";
import { markedText } from "./marked.js";
import { detailsOf } from "./session.js";
import { visible } from "./text.js";

const EXAMPLES = [
  "Mira Okonjo left Tandem Labs for Lisbon to see Saltwater Choir play in Ghent. 🎶",
  "Ana Reyes and Jonas Lind met in Oslo; the train to New York was late, said Mira 😀",
  "“Who told Søren about the Empire State Building?” asked Ana, back from Kraków 🏙️",
];

export class TextView {
  #session;
  #request = null;
  #results = [];
  #examples = 0;

  constructor(session) {
    this.#session = session;
    byId("text-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.tag();
    });
    byId("text").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.tag();
      }
    });
    byId("compare").addEventListener("change", () => this.hasResult && this.tag());
    for (const button of document.querySelectorAll(".example")) {
      button.addEventListener("click", () => this.#tryExample());
    }
    const name = () => "text.entities";
    session.downloads(byId("text-downloads"), name, () => {
      const [{ document, result }] = this.#results;
      const entities = session.thresholds.kept(result.entities);
      return { documents: [{ source: document, entities, words: result.words }], left: 0 };
    });
  }

  /** The text of the field. */
  get text() {
    return byId("text").value;
  }

  /** The entities that thresholds choose from, by the first model. */
  get entities() {
    return this.#results[0]?.result.entities ?? [];
  }

  /** Whether a result is shown. */
  get hasResult() {
    return this.#results.length > 0;
  }

  /** Shows a document with the result that it has already. */
  open(document, model, result) {
    this.#request?.abort();
    byId("text").value = document.text;
    byId("compare").value = "";
    this.#results = [{ document, model, result }];
    this.#session.showError(byId("text-error"), null);
    this.draw();
  }

  /** Tags the text with the chosen models. */
  async tag() {
    const document = { text: this.text };
    if (!document.text.trim()) {
      byId("text").focus();
      byId("text-status").textContent = "There is no text yet.";
      return;
    }
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    const { model, models, thresholds } = this.#session;
    const other = models.find(({ name }) => name === byId("compare").value);
    const chosen = other && other !== model ? [model, other] : [model];
    const waiting = (seconds) => {
      byId("text-status").textContent =
        `The server is busy; trying again in ${counted(Math.ceil(seconds), "second")}.`;
    };
    this.#busy(true);
    try {
      const options = { signal: request.signal, waiting };
      const results = await Promise.all(
        chosen.map(async (each) => {
          const answers = await this.#session.server.tag([document], each?.name, options);
          return { document, model: each, result: answers[0] };
        }),
      );
      if (request.signal.aborted) return;
      this.#results = results;
      thresholds.add(results.flatMap(({ result }) => result.entities.map(({ label }) => label)));
      this.#session.showError(byId("text-error"), null);
      this.draw();
    } catch (error) {
      if (request.signal.aborted) return;
      this.#results = [];
      this.draw();
      byId("empty").hidden = true;
      this.#session.showError(byId("text-error"), error);
    } finally {
      if (this.#request === request) this.#busy(false);
    }
  }

  /** Draws the results with the thresholds as they are. */
  draw() {
    const { thresholds } = this.#session;
    const kept = this.#results.map(({ result }) => thresholds.kept(result.entities));
    const keys = kept.map((entities) => new Set(entities.map(keyOf)));
    const isEmpty = !this.#results.length;
    byId("empty").hidden = !isEmpty;
    byId("another").hidden = isEmpty;
    byId("text-downloads").hidden = isEmpty || this.#results[0].result.error !== null;
    byId("results").replaceChildren(
      ...this.#results.map(({ document, model, result }, index) => {
        const others = keys[1 - index];
        const differs = (entity) => others !== undefined && !others.has(keyOf(entity));
        return articleOf(document, model, result, kept[index], { thresholds, differs });
      }),
    );
    byId("results").classList.toggle("pair", kept.length > 1);
    byId("text-status").textContent = isEmpty ? "" : summaryOf(kept, keys);
    thresholds.count(this.entities);
  }

  #busy(isBusy) {
    byId("results").setAttribute("aria-busy", String(isBusy));
    byId("tag").textContent = isBusy ? "Tagging…" : "Tag";
    if (isBusy) byId("text-status").textContent = "";
  }

  #tryExample() {
    byId("text").value = EXAMPLES[this.#examples % EXAMPLES.length];
    this.#examples += 1;
    document.dispatchEvent(new CustomEvent("example"));
  }
}

const keyOf = ({ start, end, label }) => JSON.stringify([start, end, label]);

function summaryOf(kept, keys) {
  const [first, second] = kept;
  if (!second) return `${counted(first.length, "entity", "entities")} shown`;
  const both = first.filter((entity) => keys[1].has(keyOf(entity))).length;
  const [left, right] = [first.length - both, second.length - both];
  return `${both} in both, ${left} in the first only, ${right} in the second only`;
}

function articleOf(document, model, result, entities, { thresholds, differs }) {
  const name = visible(model?.name ?? "the model");
  const found = result.entities.length;
  const hidden = found - entities.length;
  const about = [counted(entities.length, "entity", "entities")];
  if (hidden) about.push(`${hidden} below ${hidden === 1 ? "its threshold" : "their thresholds"}`);
  const heading = element("h2", {}, element("bdi", {}, name));
  if (result.error !== null) {
    return element("article", {}, heading, failureOf(result.error));
  }
  const marked = markedText(document.text, entities, {
    colour: (label) => thresholds.colour(label),
    name: `The text with the entities of ${name}`,
    differs,
  });
  return element(
    "article",
    {},
    element("header", {}, heading, element("p", { class: "about" }, about.join(" · "))),
    marked,
    !found && element("p", { class: "about" }, "The model finds no entity in this text."),
  );
}

/** Why one document has no result. */
export function failureOf(error) {
  const message = element("p", { class: "message" }, "No result: ", error.message);
  return element("div", { class: "failure" }, message, detailsOf(error));
}
