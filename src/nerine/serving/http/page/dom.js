// Elements, made without markup: texts and labels come from strangers and stay texts.

/**
 * An element with attributes and children; strings become text nodes.
 *
 * `false`, `null` and `undefined` leave an attribute or a child out; `true` is an empty attribute.
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on") || key === "style") throw new TypeError(`attribute ${key}`);
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, String(value));
  }
  made.append(...children.flat().filter((child) => child != null && child !== false));
  return made;
}

/** The element with an id. */
export const byId = (id) => document.getElementById(id);

/** A text for screen readers alone. */
export const unseen = (text) => element("span", { class: "unseen" }, text);

/** `1 text`, `2,000 texts`; `several` is the plural where an `s` does not make it. */
export function counted(number, one, several = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : several}`;
}

/** Calls `work` once before the next drawing, however often the result is called until then. */
export function onceADrawing(work) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      work();
    });
  };
}

/** Fills a `select` with pairs of a value and its text. */
export function fillSelect(select, options) {
  select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
}
