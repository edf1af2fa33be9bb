"use strict";

// Filters and search for the examples, and links from the confusion matrix to them.
// Texts enter the page as text, never as markup.
(() => {
  const PAGE = 50;
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const found = byId("found");
  const more = byId("more");
  const choices = ["kind", "gold", "predicted", "seen"]
    .map((name) => [name, byId(`choose-${name}`)])
    .filter(([, select]) => select);

  const examples = data.examples.map(([kind, place, seen, pieces, gold, predicted]) => {
    const example = { kind: data.kinds[kind], place, seen, pieces, gold, predicted };
    const mentions = [...gold, ...predicted];
    const texts = [
      pieces.map(([text]) => text).join(""),
      place,
      ...mentions.map(([surface]) => surface),
      ...mentions.map(([, label]) => data.labels[label]),
    ];
    example.searched = texts.join("\n").toLocaleLowerCase();
    return example;
  });

  const tests = {
    kind: (example, value) =>
      value === "errors" ? example.kind !== "correct" : example.kind === value,
    gold: (example, value) => hasLabel(example.gold, value),
    predicted: (example, value) => hasLabel(example.predicted, value),
    seen: (example, value) => String(example.seen) === value,
  };

  function hasLabel(mentions, value) {
    if (value === "-1") return mentions.length === 0;
    return mentions.some(([, label]) => String(label) === value);
  }

  function make(name, className, ...children) {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  function mentionsOf(side, mentions) {
    const group = make("div", "", make("dt", "", side));
    for (const [surface, label, score] of mentions) {
      const shown = make("bdi", "", surface);
      shown.lang = "und";
      const named = make("b", "", make("bdi", "", data.labels[label]));
      group.append(make("dd", "", shown, " ", named, " ", make("span", "score", score)));
    }
    if (mentions.length === 0) group.append(make("dd", "", make("i", "", "none")));
    return group;
  }

  function card(example) {
    const about = make("p", "about", make("strong", "", example.kind));
    about.append(" ", make("span", "", example.place));
    if (example.seen !== null) {
      const seen = example.seen ? "seen in training" : "unseen in training";
      about.append(" ", make("span", "", seen));
    }
    const text = make("p", "text");
    text.dir = "auto";
    text.lang = "und";
    const classes = ["", "gold", "predicted", "gold predicted"];
    for (const [piece, sides] of example.pieces) {
      text.append(sides ? make("mark", classes[sides], piece) : piece);
    }
    const mentions = make("dl", "");
    mentions.append(mentionsOf("gold", example.gold), mentionsOf("predicted", example.predicted));
    return make("li", "", about, text, mentions);
  }

  let matching = [];

  function showMore() {
    const shown = found.childElementCount;
    found.append(...matching.slice(shown, shown + PAGE).map(card));
    const left = matching.length - found.childElementCount;
    const [now, some, all, rest] = [found.childElementCount, matching.length, examples.length, left]
      .map((count) => count.toLocaleString("en"));
    more.hidden = left === 0;
    more.textContent = `Show ${Math.min(left, PAGE)} more of ${rest}`;
    byId("count").textContent = `${some} of ${all} outcomes${left ? `, ${now} shown` : ""}`;
    return found.children[shown];
  }

  function filter() {
    const words = byId("search").value.toLocaleLowerCase().trim();
    const chosen = choices.filter(([, select]) => select.value !== "");
    matching = examples.filter(
      (example) =>
        example.searched.includes(words) &&
        chosen.every(([name, select]) => tests[name](example, select.value)),
    );
    found.replaceChildren();
    showMore();
  }

  function showCell(cell) {
    byId("filters").reset();
    const { gold, predicted } = cell.dataset;
    byId("choose-kind").value = "";
    byId("choose-gold").value = gold;
    byId("choose-predicted").value = predicted;
    filter();
    byId("examples").scrollIntoView();
    byId("choose-kind").focus({ preventScroll: true });
  }

  for (const cell of byId("matrix").querySelectorAll("td")) {
    if (cell.textContent === "" || cell.textContent === "0") continue;
    const button = make("button", "", cell.textContent);
    const name = (index) => data.labels[index] ?? "none";
    button.type = "button";
    button.setAttribute(
      "aria-label",
      `${cell.textContent}, gold ${name(cell.dataset.gold)}, ` +
        `predicted ${name(cell.dataset.predicted)}: show them`,
    );
    button.addEventListener("click", () => showCell(cell));
    cell.replaceChildren(button);
  }

  // Tables that are wider than the page say so, and fade where more follows; those that fit need no
  // keyboard focus for scrolling.
  const showsEnd = ({ currentTarget: target }) => {
    const left = target.scrollWidth - target.clientWidth - target.scrollLeft;
    target.classList.toggle("more", left > 1);
  };
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const { scrollWidth, clientWidth, scrollHeight, clientHeight } = target;
      target.classList.toggle("wide", scrollWidth > clientWidth);
      target.tabIndex = scrollWidth > clientWidth || scrollHeight > clientHeight ? 0 : -1;
      showsEnd({ currentTarget: target });
    }
  });
  for (const table of document.querySelectorAll(".scroll")) {
    sizes.observe(table);
    table.addEventListener("scroll", showsEnd, { passive: true });
  }

  byId("filters").addEventListener("input", filter);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => {
    const first = showMore();
    first.tabIndex = -1; // the reader continues at the first new example
    first.focus({ preventScroll: true });
  });
  byId("static").hidden = true;
  byId("explorer").hidden = false;
  filter();
})();
