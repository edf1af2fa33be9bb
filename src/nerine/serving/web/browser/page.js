/**
 * The page: tags what is typed.
 *
 * A text is only ever shown as text (`textContent`, text nodes), so that no text can bring markup.
 */

import { Tagger } from "./nerine/tagger.js";

const [form, input, threshold, shown, button, status, result, table] = [
  "form",
  "text",
  "threshold",
  "shown",
  "tag",
  "status",
  "result",
  "table",
].map((id) => document.getElementById(id));

let tagger = null;
let tagged = null;

function show() {
  shown.textContent = Number(threshold.value).toFixed(2);
  if (tagged === null) return;
  const { text, entities } = tagged;
  const kept = entities.filter(({ score }) => score >= threshold.valueAsNumber);
  const parts = [];
  let reached = 0;
  for (const entity of kept) {
    const mark = element("mark", text.slice(entity.start, entity.end));
    mark.append(element("small", `${entity.label} ${entity.score.toFixed(2)}`));
    parts.push(text.slice(reached, entity.start), mark);
    reached = entity.end;
  }
  result.replaceChildren(...parts, text.slice(reached));
  table.hidden = kept.length === 0;
  table.tBodies[0].replaceChildren(
    ...kept.map(({ label, text: surface, score, start, end }) => {
      const row = document.createElement("tr");
      row.append(
        ...[label, surface, score.toFixed(4), start, end].map((each) => element("td", each)),
      );
      return row;
    }),
  );
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function fail(error) {
  status.classList.add("error");
  status.textContent = `This did not work: ${error.message}`;
}

async function tag() {
  const begin = performance.now();
  tagged = await tagger.tag(input.value);
  performance.mark("result");
  const count = tagged.entities.length;
  status.textContent = `${count} ${count === 1 ? "entity" : "entities"} in ${Math.round(performance.now() - begin)} ms`;
  show();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  tag().catch(fail);
});
threshold.addEventListener("input", show);

try {
  tagger = await Tagger.load(new URL("./", location.href));
  button.disabled = false;
  await tag();
} catch (error) {
  fail(error);
}
