// A text with its entities marked, which the pointer and the keyboard reach, and their details.

import { element, unseen } from "./dom.js";
import { shortened, toCodePoints, visible } from "./text.js";

const MARKED = new WeakMap();
const NEXT = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/**
 * An element with a text and its entities.
 *
 * Of the entities one is in the order of Tab; the arrow keys move to the others. `differs` tells
 * of an entity whether another model has not found it.
 */
export function markedText(text, entities, { colour, name, differs = () => false }) {
  const parts = [];
  const overlapping = [];
  let position = 0;
  for (const entity of [...entities].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const mark = markOf(text, entity, colour(entity.label), differs(entity));
    if (entity.start < position) {
      overlapping.push(mark);
      continue;
    }
    parts.push(visible(text.slice(position, entity.start), { lines: true }), mark);
    position = entity.end;
  }
  parts.push(visible(text.slice(position), { lines: true }));
  const made = element("div", { class: "marked", role: "group", "aria-label": name, dir: "auto" });
  made.append(...parts);
  if (overlapping.length) made.append(element("p", { class: "overlapping" }, ...overlapping));
  made.querySelector(".entity")?.setAttribute("tabindex", "0");
  made.addEventListener("keydown", move);
  return made;
}

function markOf(text, entity, colour, differs) {
  const surface = visible(text.slice(entity.start, entity.end), { lines: true });
  const score = entity.score == null ? "" : ` ${entity.score.toFixed(2)}`;
  const mark = element(
    "span",
    { class: `entity ${colour}${differs ? " differs" : ""}`, role: "button", tabindex: "-1" },
    element("span", { class: "surface" }, surface),
    unseen(", "),
    element(
      "span",
      { class: "chip", dir: "ltr" },
      differs && element("span", { class: "sign", "aria-hidden": "true" }, "≠ "),
      element("bdi", {}, visible(entity.label)),
      element("span", { class: "score" }, score),
    ),
    differs && unseen(", found by this model only"),
  );
  MARKED.set(mark, { text, entity, colour });
  return mark;
}

/** Moves the focus from an entity to another one of its text. */
function move(event) {
  const here = event.target.closest(".entity");
  if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    here.click();
    return;
  }
  const marks = [...event.currentTarget.querySelectorAll(".entity")];
  const isMirrored = isSideways(event.key) && event.currentTarget.matches(":dir(rtl)");
  const step = (NEXT[event.key] ?? 0) * (isMirrored ? -1 : 1);
  let next = marks[marks.indexOf(here) + step];
  if (event.key === "Home") next = marks[0];
  else if (event.key === "End") next = marks.at(-1);
  else if (!step) return;
  event.preventDefault();
  if (!next) return;
  here.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
}

const isSideways = (key) => key === "ArrowLeft" || key === "ArrowRight";

/** Shows in `panel` the entity under the pointer, under the keyboard's focus, or touched. */
export function showDetailsIn(panel, root) {
  const empty = panel.querySelector(".nothing");
  const content = panel.querySelector(".content");
  const clear = () => {
    panel.classList.remove("filled");
    content.replaceChildren();
    empty.hidden = false;
    for (const mark of root.querySelectorAll(".entity.chosen")) mark.classList.remove("chosen");
  };
  const show = (event) => {
    const mark = event.target.closest?.(".entity");
    if (!mark || !MARKED.has(mark)) return;
    clear();
    mark.classList.add("chosen");
    empty.hidden = true;
    content.replaceChildren(...detailsOf(MARKED.get(mark)));
    panel.classList.add("filled");
  };
  for (const kind of ["pointerover", "focusin", "click"]) root.addEventListener(kind, show);
  panel.querySelector(".close").addEventListener("click", clear);
  document.addEventListener("keydown", (event) => event.key === "Escape" && clear());
  return clear;
}

function detailsOf({ text, entity, colour }) {
  const codePoints = toCodePoints(text);
  const [start, end] = [codePoints(entity.start), codePoints(entity.end)];
  const surface = shortened(text.slice(entity.start, entity.end), 300);
  const facts = [["Label", element("bdi", { class: `name ${colour}` }, visible(entity.label))]];
  if (entity.score != null) {
    const bar = element("span", { class: "fill" });
    bar.style.inlineSize = `${100 * entity.score}%`;
    const track = element("span", { class: "track", "aria-hidden": "true" }, bar);
    facts.push(["Probability", element("span", {}, entity.score.toFixed(4), track)]);
  }
  facts.push(["Characters", element("span", {}, `${start} to ${end}`)]);
  if (start !== entity.start || end !== entity.end) {
    facts.push(["In UTF-16", element("span", {}, `${entity.start} to ${entity.end}`)]);
  }
  return [
    element("p", { class: "surface", dir: "auto" }, visible(surface, { lines: true })),
    element(
      "dl",
      {},
      ...facts.map(([name, fact]) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, fact)),
      ),
    ),
  ];
}
