// Labels with their colours, their counts, and a threshold for each.

import { element, onceADrawing } from "./dom.js";
import { visible } from "./text.js";

const COLOURS = 12;

export class Thresholds {
  #list;
  #all;
  #rows = new Map();

  /** `changed` is called after a threshold was moved. */
  constructor(list, all, changed) {
    this.#list = list;
    this.#all = all;
    this.changed = onceADrawing(changed);
    const slider = all.querySelector("input");
    slider.addEventListener("input", () => {
      all.querySelector("output").textContent = Number(slider.value).toFixed(2);
      this.set(new Map(Array.from(this.#rows.keys(), (label) => [label, Number(slider.value)])));
    });
  }

  /** Adds the labels that are not known yet; those known keep their colours and thresholds. */
  add(labels) {
    for (const label of labels) {
      if (this.#rows.has(label)) continue;
      const colour = `c${this.#rows.size % COLOURS}`;
      const slider = element("input", {
        ...{ type: "range", min: 0, max: 1, step: 0.01 },
        "aria-label": `Threshold of ${visible(label)}`,
      });
      const output = element("output", { "aria-hidden": "true" });
      const count = element("span", { class: "count" });
      const name = element("bdi", { class: `name ${colour}` }, visible(label));
      const item = element("li", { class: "threshold" }, name, count, slider, output);
      const row = { colour, slider, output, count, item, value: 0 };
      this.#rows.set(label, row);
      show(row, Number(this.#all.querySelector("input").value));
      slider.addEventListener("input", () => {
        show(row, Number(slider.value));
        this.changed();
      });
      this.#list.append(item);
    }
  }

  /** Sets the thresholds of some labels, exactly; the sliders show them in hundredths. */
  set(values) {
    for (const [label, value] of values) {
      if (this.#rows.has(label)) show(this.#rows.get(label), value);
    }
    this.changed();
  }

  /** Those of the entities whose scores reach the thresholds of their labels. */
  kept(entities) {
    return entities.filter(({ label, score }) => {
      const row = this.#rows.get(label);
      return !row || score == null || score >= row.value;
    });
  }

  /** The class of a label's colour. */
  colour(label) {
    return this.#rows.get(label)?.colour ?? "c0";
  }

  /** Shows at each label how many of these entities are kept. */
  count(entities) {
    const [all, kept] = [entities, this.kept(entities)].map((each) => {
      const counts = new Map();
      for (const { label } of each) counts.set(label, (counts.get(label) ?? 0) + 1);
      return counts;
    });
    for (const [label, row] of this.#rows) {
      const total = all.get(label) ?? 0;
      const left = kept.get(label) ?? 0;
      const isCut = left !== total;
      row.count.textContent = isCut ? `${left} of ${total}` : total ? `${total}` : "–";
      row.item.classList.toggle("absent", total === 0);
    }
  }
}

function show(row, value) {
  row.value = value;
  row.slider.value = value;
  row.output.textContent = value.toFixed(2);
}
