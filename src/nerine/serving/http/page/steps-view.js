// The steps from a text to its entities, by hand: what the model and the decoder do in between.

import { byId, counted, element } from "./dom.js";
import { shortened, toUtf16, visible } from "./text.js";

const MOST = 200;
const BEST = 3;
const LONGEST_SHOWN = 1000;

export class StepsView {
  #session;
  #request = null;
  #done = null;
  #steps = null;
  #most = MOST;

  constructor(session) {
    this.#session = session;
    byId("numbers").addEventListener("change", () => this.#draw());
    byId("more-words").addEventListener("click", () => {
      this.#most *= 4;
      this.#draw();
    });
  }

  /** Explains a text, unless its steps are shown already. */
  async show(text) {
    const model = this.#session.model;
    byId("steps-empty").hidden = Boolean(text.trim());
    byId("steps").hidden = true;
    if (!text.trim()) return;
    const wanted = JSON.stringify([text, model?.name]);
    if (wanted === this.#done) {
      byId("steps").hidden = false;
      return;
    }
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    byId("steps-status").textContent = "Asking for the steps…";
    try {
      this.#steps = await this.#session.server.explain(text, model?.name, request.signal);
      this.#done = wanted;
      this.#most = MOST;
      this.#session.thresholds.add(this.#steps.entities.map(({ label }) => label));
      this.#session.showError(byId("steps-error"), null);
      this.#draw();
      byId("steps").hidden = false;
      const { words, subwords, windows } = this.#steps;
      byId("steps-status").textContent = [
        counted(words.length, "word"),
        counted(subwords.length, "subword"),
        counted(windows.length, "window"),
      ].join(" · ");
    } catch (error) {
      if (request.signal.aborted) return;
      byId("steps-status").textContent = "";
      this.#session.showError(byId("steps-error"), error);
    }
  }

  #draw() {
    const steps = this.#steps;
    const words = steps.words.slice(0, this.#most);
    byId("more-words").hidden = words.length === steps.words.length;
    byId("shown-words").textContent =
      words.length === steps.words.length ? "" : `The first ${words.length} of ${steps.words.length} words.`;
    byId("explained").textContent = visible(shortened(steps.text, LONGEST_SHOWN), { lines: true });
    byId("pieces").replaceChildren(...pieces(steps, words));
    byId("windows").replaceChildren(...windows(steps));
    byId("words").replaceChildren(wordTable(steps, words, byId("numbers").value));
    byId("found").replaceChildren(entityTable(steps, this.#session.thresholds));
  }
}

/** Each word with its subwords; those of no word stand alone. */
function pieces({ text, subwords }, words) {
  const utf16 = toUtf16(text);
  const end = words.length ? words.at(-1).end : 0;
  const groups = [];
  for (const subword of subwords) {
    if (subword.start >= end && subword.end > end) break;
    const owner = groups.at(-1);
    if (subword.word !== null) groups.push({ word: words[subword.word], subwords: [subword] });
    else if (owner?.word && subword.start < owner.word.end) owner.subwords.push(subword);
    else groups.push({ word: null, subwords: [subword] });
  }
  return groups.map(({ word, subwords: own }) =>
    element(
      "li",
      { class: word ? "" : "outside" },
      element("bdi", { class: "word" }, word ? visible(word.text) : "no word"),
      element(
        "span",
        { class: "own" },
        ...own.map((each, index) =>
          element(
            "span",
            {
              class: word && index === 0 ? "piece first" : "piece",
              title: `${each.start} to ${each.end}: ${visible(text.slice(utf16(each.start), utf16(each.end)))}`,
            },
            element("bdi", {}, visible(each.piece)),
            element("small", {}, each.id),
          ),
        ),
      ),
    ),
  );
}

function windows({ windows: all, subwords, words }) {
  const total = Math.max(subwords.length, 1);
  return all.map((each) => {
    const span = element("span", { class: "span" });
    span.style.insetInlineStart = `${(100 * each.first) / total}%`;
    span.style.inlineSize = `${(100 * (each.last - each.first)) / total}%`;
    const owned = each.words.map((index) => words[index].subword).filter((index) => index !== null);
    const own = element("span", { class: "owned" });
    if (owned.length) {
      const last = subwords.findIndex(({ index, word }) => index > owned.at(-1) && word !== null);
      const stop = last < 0 ? each.last : Math.min(last, each.last);
      own.style.insetInlineStart = `${(100 * owned[0]) / total}%`;
      own.style.inlineSize = `${(100 * (stop - owned[0])) / total}%`;
    }
    const taken = each.words.length
      ? `words ${each.words[0]} to ${each.words.at(-1)} are taken from here`
      : "no word is taken from here";
    return element(
      "li",
      {},
      element("span", {}, `Window ${each.index}: subwords ${each.first} to ${each.last - 1}; ${taken}`),
      element("span", { class: "line", "aria-hidden": "true" }, span, own),
    );
  });
}

function wordTable({ tags }, words, numbers) {
  const isMatrix = numbers !== "best";
  const isLearned = words.some(({ transition }) => transition !== null);
  const heads = [
    ...(isLearned ? ["Transition"] : []),
    ...(isMatrix ? tags.map((tag) => visible(tag)) : ["Likeliest tags"]),
  ];
  const rows = words.map((word) => {
    const changed = word.best !== word.tag;
    const cells = isMatrix ? matrixCells(word, numbers) : [bestTags(word, tags)];
    return element(
      "tr",
      { class: changed ? "changed" : false },
      element("td", { class: "number" }, word.index),
      element("th", { scope: "row" }, element("bdi", {}, visible(word.text))),
      element("td", {}, tagOf(word.best)),
      element("td", {}, tagOf(word.tag), changed && element("strong", {}, " changed")),
      ...(isLearned ? [element("td", { class: "number" }, word.transition.toFixed(3))] : []),
      ...cells,
    );
  });
  return element(
    "table",
    {},
    element("caption", { class: "unseen" }, "Words with their probabilities and tags"),
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        ...["#", "Word", "Arg max", "Decoded", ...heads].map((head, index) =>
          element(
            "th",
            { scope: "col", class: index > 3 && head !== "Likeliest tags" ? "number" : false },
            head,
          ),
        ),
      ),
    ),
    element("tbody", {}, ...rows),
  );
}

const tagOf = (tag) => element("bdi", { class: tag === "O" ? "tag none" : "tag" }, visible(tag));

function matrixCells(word, numbers) {
  return word[numbers].map((value, index) => {
    const shade = `shade${Math.min(9, Math.floor(word.probs[index] * 10))}`;
    return element("td", { class: `number ${shade}` }, value.toFixed(3));
  });
}

function bestTags(word, tags) {
  const order = word.probs.map((prob, index) => [prob, index]).sort((a, b) => b[0] - a[0]);
  const bars = order.slice(0, BEST).map(([prob, index]) => {
    const fill = element("span", { class: "fill" });
    fill.style.inlineSize = `${100 * prob}%`;
    return element(
      "span",
      { class: "best" },
      element("bdi", {}, visible(tags[index])),
      element("span", { class: "track", "aria-hidden": "true" }, fill),
      element("span", { class: "score" }, prob.toFixed(3)),
    );
  });
  return element("td", {}, element("span", { class: "bests" }, ...bars));
}

function entityTable({ text, entities }, thresholds) {
  if (!entities.length) return element("p", { class: "about" }, "The decoded tags hold no entity.");
  const utf16 = toUtf16(text);
  const rows = entities.map(({ start, end, label, score }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, element("bdi", {}, visible(text.slice(utf16(start), utf16(end))))),
      element("td", {}, element("bdi", { class: `name ${thresholds.colour(label)}` }, visible(label))),
      element("td", { class: "number" }, `${start} to ${end}`),
      element("td", { class: "number" }, score == null ? "" : score.toFixed(4)),
    ),
  );
  const heads = ["Entity", "Label", "Characters", "Probability"].map((head, index) =>
    element("th", { scope: "col", class: index > 1 ? "number" : false }, head),
  );
  return element(
    "table",
    {},
    element("caption", { class: "unseen" }, "Entities"),
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...rows),
  );
}
