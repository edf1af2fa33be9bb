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
    this.#connect(all.querySelector("input"), all.querySelector("output"), () => {
      for (const row of this.#rows.values()) this.#set(row, all.querySelector("input").value);
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
      slider.value = this.#all.querySelector("input").value;
      const output = element("output", { "aria-hidden": "true" }, shown(slider.value));
      const count = element("span", { class: "count" });
      const name = element("bdi", { class: `name ${colour}` }, visible(label));
      const item = element("li", { class: "threshold" }, name, count, slider, output);
      this.#rows.set(label, { colour, slider, output, count, item });
      this.#connect(slider, output, () => {});
      this.#list.append(item);
    }
  }

  /** Those of the entities whose scores reach the thresholds of their labels. */
  kept(entities) {
    return entities.filter(({ label, score }) => {
      const row = this.#rows.get(label);
      return !row || score == null || score >= Number(row.slider.value);
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

  #set(row, value) {
    row.slider.value = value;
    row.output.textContent = shown(row.slider.value);
  }

  #connect(slider, output, moved) {
    slider.addEventListener("input", () => {
      output.textContent = shown(slider.value);
      moved();
      this.changed();
    });
  }
}

const shown = (value) => Number(value).toFixed(2);
