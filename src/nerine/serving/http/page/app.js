// Starts the page: views, models, thresholds, theme, and files that are dropped.

import { byId, counted, element, fillSelect } from "./dom.js";
import { FileView } from "./file-view.js";
import { showDetailsIn } from "./marked.js";
import { ENDINGS } from "./reading.js";
import { Server } from "./server.js";
import { Session } from "./session.js";
import { StepsView } from "./steps-view.js";
import { visible } from "./text.js";
import { TextView } from "./text-view.js";
import { Thresholds } from "./thresholds.js";

const TABS = ["text", "steps", "file"];

const server = new Server(new URL("..", import.meta.url));
const thresholds = new Thresholds(byId("thresholds"), byId("all-threshold"), draw);
const session = new Session(server, thresholds);
const textView = new TextView(session);
const stepsView = new StepsView(session);
const fileView = new FileView(session, (document, model, result) => {
  chooseTab("text");
  textView.open(document, model, result);
  byId("text").focus();
});
const clearDetails = showDetailsIn(byId("details"), byId("main"));
let tab = "text";

/** Draws what the thresholds change. */
function draw() {
  clearDetails();
  if (tab === "file") fileView.draw();
  else textView.draw();
}

function chooseTab(chosen) {
  tab = chosen;
  for (const each of TABS) {
    const isChosen = each === chosen;
    byId(`tab-${each}`).setAttribute("aria-selected", String(isChosen));
    byId(`tab-${each}`).tabIndex = isChosen ? 0 : -1;
    byId(`panel-${each}`).hidden = !isChosen;
  }
  byId("aside").hidden = chosen === "steps";
  byId("compare-field").hidden = chosen !== "text" || session.models.length < 2;
  if (chosen === "steps") stepsView.show(textView.text);
  draw();
}

function setUpTabs() {
  for (const [index, each] of TABS.entries()) {
    byId(`tab-${each}`).addEventListener("click", () => chooseTab(each));
    byId(`tab-${each}`).addEventListener("keydown", (event) => {
      const places = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: TABS.length - 1 };
      if (!(event.key in places)) return;
      event.preventDefault();
      const next = TABS[(places[event.key] + TABS.length) % TABS.length];
      chooseTab(next);
      byId(`tab-${next}`).focus();
    });
  }
  document.addEventListener("example", () => {
    if (tab === "steps") stepsView.show(textView.text);
    else textView.tag();
  });
  byId("edit").addEventListener("click", () => {
    chooseTab("text");
    byId("text").focus();
  });
}

function setUpTheme() {
  const select = byId("theme");
  select.value = document.documentElement.dataset.theme ?? "system";
  select.addEventListener("change", () => {
    if (select.value === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = select.value;
    try {
      localStorage.setItem("nerine-theme", select.value);
    } catch {
      // no storage: chosen until the page is closed
    }
  });
}

function setUpDrops() {
  byId("file").accept = ENDINGS.join(",");
  const hasFile = (event) => [...event.dataTransfer.types].includes("Files");
  let depth = 0;
  const show = (change) => {
    depth = change === 0 ? 0 : depth + change;
    byId("drop").hidden = depth <= 0;
  };
  document.addEventListener("dragenter", (event) => hasFile(event) && show(1));
  document.addEventListener("dragleave", (event) => hasFile(event) && show(-1));
  document.addEventListener("dragover", (event) => hasFile(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    show(0);
    const [file] = event.dataTransfer.files;
    if (file) {
      event.preventDefault();
      chooseTab("file");
      fileView.read(file);
      return;
    }
    const text = event.dataTransfer.getData("text/plain");
    if (text && event.target !== byId("text")) {
      event.preventDefault();
      chooseTab("text");
      byId("text").value = text;
      textView.tag();
    }
  });
}

function setUpPaste() {
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (!file || event.clipboardData.types.includes("text/plain")) return;
    event.preventDefault();
    chooseTab("file");
    fileView.read(file);
  });
}

/** Asks the server for its models, and shows them. */
async function start() {
  try {
    const { models, limits, nerine } = await server.info();
    session.models = models ?? [];
    session.limits = limits ?? {};
    byId("version").textContent = nerine ? `Nerine ${nerine}` : "Nerine";
    byId("key-panel").hidden = true;
    session.showError(byId("start-error"), null);
    byId("retry").hidden = true;
    const names = session.models.map(({ name }) => [name, visible(name)]);
    fillSelect(byId("model"), names);
    fillSelect(byId("compare"), [["", "no other model"], ...names]);
    byId("model-field").hidden = !names.length;
    for (const model of session.models) thresholds.add(model.labels ?? []);
    thresholds.set(Object.entries(session.model?.thresholds ?? {}));
    describe();
    chooseTab(tab);
  } catch (error) {
    session.showError(byId("start-error"), error);
    byId("retry").hidden = error.status === 401;
    if (error.status === 401) byId("start-error").hidden = true;
  }
}

function describe() {
  const model = session.model;
  byId("about").hidden = !model;
  byId("saved").hidden = !model?.saved_thresholds;
  if (!model) return;
  const facts = [
    ["Name", model.name],
    ["Version", model.version],
    ["Labels", model.labels?.length],
    ["Words", model.words],
    ["Scheme", model.scheme],
    ["Decoding", model.decoding],
    ["Window", model.max_length && counted(model.max_length, "subword")],
    ["Backend", model.backend],
  ];
  const signs = (model.signs ?? []).map(({ message, hint }) => `${message}; ${hint}`);
  const notes = [...(model.notes ?? []), ...signs];
  byId("facts").replaceChildren(
    ...facts
      .filter(([, value]) => value != null)
      .map(([name, value]) =>
        element(
          "div",
          {},
          element("dt", {}, name),
          element("dd", {}, element("bdi", {}, visible(String(value)))),
        ),
      ),
  );
  byId("notes").replaceChildren(...notes.map((note) => element("li", {}, visible(String(note)))));
}

setUpTabs();
setUpTheme();
setUpDrops();
setUpPaste();
byId("retry").addEventListener("click", start);
byId("saved").addEventListener("click", () => {
  thresholds.set(Object.entries(session.model.saved_thresholds));
});
byId("model").addEventListener("change", () => {
  describe();
  if (tab === "steps") stepsView.show(textView.text);
  else if (tab === "file") fileView.draw();
  else if (textView.hasResult) textView.tag();
});
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = byId("key").value.trim();
  byId("key").value = "";
  if (/[^\x21-\x7e]/.test(key)) {
    byId("key-error").textContent = "A key has letters, digits and signs of ASCII only.";
    return;
  }
  server.key = key;
  start();
});
await start();
