// Results → files: Nerine's JSON lines, a table for spreadsheets, and columns with tags.

import { toCodePoints } from "./text.js";

const CONFLICTS = new Set(
  ["id", "text", "entities", "spans", "label", "labels", "offsets", "tokens", "more_fields"],
);
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;
const PAIR = /[\u{10000}-\u{10ffff}]/u;

/** The formats of downloads by name: ending, type, and the writer of all documents. */
export const FORMATS = {
  jsonl: { ending: "jsonl", type: "application/x-ndjson", write: writeJsonLines },
  csv: { ending: "csv", type: "text/csv", write: writeTable },
  columns: { ending: "conll", type: "text/plain", write: writeColumns },
};

/** A tagged document with its offsets in code points. */
function inCodePoints({ source, entities, words }) {
  const codePoints = toCodePoints(source.text);
  return {
    entities: entities.map((each) => ({
      start: codePoints(each.start),
      end: codePoints(each.end),
      label: each.label,
      ...(each.score == null ? {} : { score: each.score }),
      text: source.text.slice(each.start, each.end),
    })),
    words: words?.map((range) => range.map(codePoints)),
    tokens: source.tokens?.map((range) => range.map(codePoints)),
  };
}

function writeJsonLines(tagged) {
  const lines = tagged.map((each) => {
    const { id, text, record = {}, field } = each.source;
    const { entities, tokens } = inCodePoints(each);
    const own = { text, entities: entities.map(({ text: surface, ...rest }) => rest) };
    const name = id ?? record.id;
    if (tokens) own.tokens = tokens;
    const end = each.entities.reduce((most, entity) => Math.max(most, entity.end), 0);
    if (PAIR.test(text.slice(0, end))) own.offsets = "code-points";
    const others = Object.entries(record).filter(
      ([name]) => name !== field && name !== "id" && !(name === "tokens" && tokens),
    );
    const [more, rest] = [true, false].map((isConflict) =>
      Object.fromEntries(others.filter(([name]) => CONFLICTS.has(name) === isConflict)),
    );
    if (Object.keys(more).length) rest.more_fields = more;
    return `${JSON.stringify({ ...(name === undefined ? {} : { id: name }), ...own, ...rest })}\n`;
  });
  return { content: lines.join(""), notes: [] };
}

/**
 * A row for each entity, or for a text without entities; the text is in its first row.
 *
 * Cells that a spreadsheet would run as formulas begin with an apostrophe, and the last column
 * names those columns.
 */
function writeTable(tagged) {
  const hasIds = tagged.some(({ source }) => source.id !== undefined);
  const columns = ["document", ...(hasIds ? ["id"] : []), "text", "start", "end", "label", "probability", "entity"];
  const rows = [[...columns, "escaped"].join(",")];
  let escapes = 0;
  tagged.forEach((each, number) => {
    const { entities } = inCodePoints(each);
    (entities.length ? entities : [{}]).forEach((entity, index) => {
      const { start, end, label, score } = entity;
      const isFirst = index === 0;
      const cells = { document: number + 1, start, end, label, entity: entity.text };
      cells.probability = score;
      cells.id = each.source.id;
      cells.text = isFirst ? each.source.text : "";
      const unsafe = columns.filter((name) => FORMULA.test(cells[name] ?? ""));
      for (const name of unsafe) cells[name] = `'${cells[name]}`;
      escapes += unsafe.length;
      rows.push([...columns.map((name) => cell(cells[name])), cell(unsafe.join(" "))].join(","));
    });
  });
  const note =
    `${escapes} of the cells would be run as formulas by a spreadsheet: they begin with an ` +
    "apostrophe, and the column “escaped” names them.";
  return { content: rows.map((row) => `${row}\r\n`).join(""), notes: escapes ? [note] : [] };
}

function cell(value) {
  const text = value == null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const SHY = /^[\s\p{Cc}]|[\s\p{Cc}]$|[\p{Cc}\u2028\u2029]|\p{Cs}/u;

function comment(key, value) {
  const isPlain = value && !SHY.test(value);
  return isPlain ? `# ${key} = ${value}` : `# ${key}_json = ${JSON.stringify(value)}`;
}

/** A word and its IOB2 tag on each line; comments hold what the columns cannot. */
function writeColumns(tagged) {
  const blocks = tagged.map((each, number) => {
    const { text, id } = each.source;
    const { words } = inCodePoints(each);
    const surfaces = (each.words ?? []).map(([start, end]) => text.slice(start, end));
    const shown = surfaces.map((surface) =>
      surface.replace(/^\ufeff|[\t\n\r]|\p{Cs}/gu, "_").replace(/^-(?=DOCSTART-)/, "_"),
    );
    const isHidden = shown.some((word, index) => word !== surfaces[index]);
    const lines = id === undefined ? [] : [comment("id", id)];
    if (!surfaces.length || isHidden || surfaces.join(" ") !== text) {
      lines.push(comment("text", text), `# tokens = ${JSON.stringify(words ?? [])}`);
    }
    const tags = tagsOf(each, number);
    return [...lines, ...shown.map((word, index) => `${word}\t${tags[index]}`), "", ""].join("\n");
  });
  return { content: blocks.join(""), notes: ["Column files hold no probabilities."] };
}

function tagsOf({ entities, words }, number) {
  const tags = new Array(words?.length ?? 0).fill("O");
  const starts = new Map((words ?? []).map(([start], index) => [start, index]));
  const ends = new Map((words ?? []).map(([, end], index) => [end, index]));
  for (const { start, end, label } of entities) {
    const [first, last] = [starts.get(start), ends.get(end)];
    if (first === undefined || last === undefined || !label || SHY.test(label)) {
      const fault = first === undefined || last === undefined ? "does not fit the words" : "has a label that columns cannot hold";
      throw new Error(`An entity of text ${number + 1} ${fault}: download JSON lines instead.`);
    }
    tags.fill(`I-${label}`, first, last + 1);
    tags[first] = `B-${label}`;
  }
  return tags;
}

/** Hands the browser a file. */
export function save(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
