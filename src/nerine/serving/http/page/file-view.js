// The view of a file: its texts as a table of documents.

import { tagAll } from "./batch.js";
import { byId, counted, element, fillSelect, onceADrawing } from "./dom.js";
import { markedText } from "./marked.js";
import { readFile } from "./reading.js";
import { shortened, visible } from "./text.js";
import { failureOf } from "./text-view.js";

const PAGE = 50;
const LONGEST_SHOWN = 1000;
const FILTERS = {
  all: () => true,
  entities: (row, kept) => row.result?.error === null && kept(row).length > 0,
  none: (row, kept) => row.result?.error === null && kept(row).length === 0,
  failed: (row) => row.result != null && row.result.error !== null,
};

export class FileView {
  #session;
  #open;
  #source = null;
  #rows = [];
  #model;
  #page = 0;
  #request = null;
  #progress;

  /** `open` shows a document with its model and result as a text of its own. */
  constructor(session, open) {
    this.#session = session;
    this.#open = open;
    this.#progress = onceADrawing(() => this.#count());
    byId("choose").addEventListener("click", () => byId("file").click());
    byId("file").addEventListener("change", () => {
      const [file] = byId("file").files;
      if (file) this.read(file);
      byId("file").value = "";
    });
    byId("choice").addEventListener("change", () => this.#choose());
    byId("run").addEventListener("click", () => {
      const isStale = this.#isStale;
      this.#run((row) => isStale || !row.result);
    });
    byId("again").addEventListener("click", () => this.#run(FILTERS.failed));
    byId("cancel").addEventListener("click", () => this.#request?.abort());
    byId("filter").addEventListener("change", () => this.#turn(-this.#page));
    byId("before").addEventListener("click", () => this.#turn(-1));
    byId("after").addEventListener("click", () => this.#turn(1));
    const name = () => `${this.#source.name.replace(/\.[^.]*$/, "")}.entities`;
    session.downloads(byId("file-downloads"), name, () => {
      const tagged = this.#rows.filter((row) => row.result?.error === null);
      const documents = tagged.map((row) => ({
        source: row.document,
        entities: this.#kept(row),
        words: row.result.words,
      }));
      return { documents, left: this.#rows.length - tagged.length };
    });
  }

  /** The entities that thresholds choose from. */
  get entities() {
    return this.#rows.flatMap((row) => row.result?.entities ?? []);
  }

  /** Reads a file and offers what it leaves open; an error is shown. */
  async read(file) {
    this.#request?.abort();
    this.#show(null);
    try {
      const source = await readFile(file);
      fillSelect(byId("choice"), source.choices.map(([value, name]) => [value, visible(name)]));
      byId("choice").value = source.chosen;
      byId("question").textContent = source.question;
      byId("file-name").textContent = visible(source.name);
      this.#show(source);
      this.#session.showError(byId("file-error"), null);
      this.#choose();
    } catch (error) {
      this.#show(null);
      this.#session.showError(byId("file-error"), error);
    }
  }

  /** Draws the table with the thresholds as they are. */
  draw() {
    const chosen = this.#chosen();
    const pages = Math.max(1, Math.ceil(chosen.length / PAGE));
    this.#page = Math.min(this.#page, pages - 1);
    const first = this.#page * PAGE;
    const rows = chosen.slice(first, first + PAGE);
    byId("documents").replaceChildren(...rows.map((row) => this.#drawn(row)));
    byId("pages").hidden = pages === 1;
    byId("before").disabled = this.#page === 0;
    byId("after").disabled = this.#page === pages - 1;
    byId("range").textContent = `${first + 1} to ${first + rows.length} of ${chosen.length}`;
    byId("no-documents").hidden = rows.length > 0;
    this.#count();
  }

  /** Whether the results are those of another model than the chosen one. */
  get #isStale() {
    return this.#rows.some((row) => row.result) && this.#model !== this.#session.model;
  }

  #kept(row) {
    return this.#session.thresholds.kept(row.result.entities);
  }

  #chosen() {
    const filter = FILTERS[byId("filter").value];
    return this.#rows.filter((row) => filter(row, (each) => this.#kept(each)));
  }

  #show(source) {
    this.#source = source;
    this.#rows = [];
    byId("file-options").hidden = byId("file-results").hidden = source === null;
    byId("file-empty").hidden = source !== null;
  }

  #choose() {
    this.#request?.abort();
    try {
      const { documents, left } = this.#source.documents(byId("choice").value);
      this.#rows = documents.map((document, index) => ({ number: index + 1, document, result: null }));
      const note = left ? `; ${counted(left, "empty text")} left out` : "";
      byId("file-note").textContent = `${counted(documents.length, "text")}${note}`;
      this.#session.showError(byId("file-error"), null);
    } catch (error) {
      this.#rows = [];
      byId("file-note").textContent = "";
      this.#session.showError(byId("file-error"), error);
    }
    byId("filter").value = "all";
    this.#page = 0;
    byId("file-status").textContent = "";
    this.draw();
  }

  #turn(step) {
    this.#page += step;
    this.draw();
    if (step) byId("range").scrollIntoView({ block: "nearest" });
  }

  async #run(isWanted) {
    const { server, limits, thresholds } = this.#session;
    const rows = this.#rows.filter(isWanted);
    const model = (this.#model = this.#session.model);
    const request = (this.#request = new AbortController());
    const { signal } = request;
    for (const row of rows) row.result = null;
    byId("file-status").textContent = "";
    this.#session.showError(byId("file-error"), null);
    this.#busy(true);
    this.draw();
    const waiting = (seconds) => {
      byId("file-status").textContent =
        `The server is busy; trying again in ${counted(Math.ceil(seconds), "second")}.`;
    };
    const tag = (documents) => server.tag(documents, model?.name, { signal, waiting });
    const done = (some) => {
      if (this.#request !== request) return;
      byId("file-status").textContent = "";
      thresholds.add(some.flatMap(({ result }) => result.entities.map(({ label }) => label)));
      for (const row of some) byId(`document-${row.number}`)?.replaceWith(this.#drawn(row));
      this.#progress();
    };
    let failure = null;
    try {
      await tagAll(rows, { tag, limits, signal, done });
    } catch (error) {
      failure = error;
      request.abort();
    }
    if (this.#request !== request) return;
    this.#request = null;
    this.#busy(false);
    this.draw();
    this.#session.showError(byId("file-error"), failure);
    byId("file-status").textContent = this.#outcome(rows);
  }

  #outcome(rows) {
    const failed = rows.filter(FILTERS.failed).length;
    const done = rows.filter((row) => row.result).length;
    const parts = [`${counted(done - failed, "text")} tagged`];
    if (failed) parts.push(`${failed} failed`);
    if (done < rows.length) parts.push(`${rows.length - done} not yet tagged`);
    return `${parts.join(", ")}.`;
  }

  #busy(isBusy) {
    byId("cancel").hidden = byId("progress").hidden = !isBusy;
    byId("choice").disabled = isBusy;
    byId("file-results").setAttribute("aria-busy", String(isBusy));
    if (isBusy) byId("cancel").focus();
    else byId("file-status").focus();
  }

  #count() {
    const total = this.#rows.length;
    const done = this.#rows.filter((row) => row.result).length;
    const failed = this.#rows.filter(FILTERS.failed).length;
    const isBusy = !byId("cancel").hidden;
    byId("progress").max = Math.max(total, 1);
    byId("progress").value = done;
    byId("progress-text").textContent = isBusy ? `${done} of ${total}` : "";
    byId("run").hidden = isBusy || (done === total && !this.#isStale);
    byId("run").textContent = this.#isStale
      ? `Tag ${counted(total, "text")} with ${visible(this.#session.model.name)}`
      : done
        ? `Tag the other ${counted(total - done, "text")}`
        : `Tag ${counted(total, "text")}`;
    byId("again").hidden = isBusy || !failed;
    byId("again").textContent = `Tag the ${failed === 1 ? "" : `${failed} `}failed ${failed === 1 ? "text" : "texts"} again`;
    byId("file-downloads").hidden = isBusy || done === failed;
    byId("file-results").hidden = !this.#source || !total;
    this.#session.thresholds.count(this.entities);
  }

  #drawn({ number, document, result }) {
    const { thresholds } = this.#session;
    const failed = result !== null && result.error !== null;
    const kept = result && !failed ? thresholds.kept(result.entities) : [];
    const isLong = document.text.length > LONGEST_SHOWN;
    const marked = markedText(shortened(document.text, LONGEST_SHOWN), cut(kept), {
      colour: (label) => thresholds.colour(label),
      name: `Text ${number} with its entities`,
    });
    const open = element("button", { type: "button", class: "quiet" }, "Open", element("span", { class: "unseen" }, ` text ${number}`));
    open.disabled = !result || failed;
    open.addEventListener("click", () => this.#open(document, this.#model, result));
    const state = failed ? "failed" : result ? String(kept.length) : "–";
    return element(
      "tr",
      { id: `document-${number}`, class: failed ? "failed" : false },
      element(
        "th",
        { scope: "row" },
        String(number),
        document.id !== undefined && element("bdi", { class: "id" }, visible(shortened(document.id, 40))),
      ),
      element(
        "td",
        { class: "text" },
        marked,
        isLong && element("p", { class: "about" }, `The first ${LONGEST_SHOWN} characters`),
        failed && failureOf(result.error),
      ),
      element("td", { class: "number", "data-head": "Entities" }, state),
      element("td", { class: "action" }, open),
    );
  }
}

const cut = (entities) => entities.filter(({ end }) => end <= LONGEST_SHOWN);
