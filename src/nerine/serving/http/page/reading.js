// Files → texts. A file that cannot be read whole is an error that names the line.

import { toUtf16 } from "./text.js";

const MOST_BYTES = 64 * 1024 * 1024;
const KINDS = {
  txt: "text", text: "text", md: "text",
  jsonl: "json", ndjson: "json", json: "json",
  csv: "table", tsv: "table",
  conll: "columns", iob: "columns", iob2: "columns", bio: "columns",
};

/** The endings of the files that can be read. */
export const ENDINGS = Object.keys(KINDS).map((ending) => `.${ending}`);

/** What is wrong with a file: the error, and the place, expectation and hint as in refusals. */
export class FileError extends Error {
  constructor(message, details = {}) {
    super(message);
    this.details = Object.entries(details);
  }
}

/**
 * A source of a file's texts: its name, the choices that it leaves open, and the function
 * `documents(choice)`. A document has its text, and where the file gives them an id, tokens (in
 * UTF-16 code units) and its record.
 */
export async function readFile(file) {
  if (file.size > MOST_BYTES) {
    throw new FileError("The file has more than 64 MB.", {
      hint: "nerine tag reads and writes files of any size",
    });
  }
  const kind = KINDS[file.name.split(".").at(-1).toLowerCase()] ?? "text";
  const source = SOURCES[kind](decoded(await file.arrayBuffer()), file.name);
  return { name: file.name, kind, ...source };
}

function decoded(bytes) {
  const [first, second] = new Uint8Array(bytes.slice(0, 2));
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const encoding = isUtf16 ? (first === 0xff ? "utf-16le" : "utf-16be") : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new FileError("The file is not in UTF-8.", { hint: "save it as UTF-8" });
  }
}

const linesOf = (content) => content.split(/\r\n|\n|\r/);
const isBlank = (text) => !text.trim();

function textSource(content) {
  const lines = linesOf(content);
  const filled = lines.filter((line) => !isBlank(line));
  return {
    question: "Texts",
    choices: [["lines", "each line is a text"], ["whole", "the whole file is one text"]],
    chosen: "lines",
    documents: (choice) =>
      choice === "whole" ? { documents: [{ text: content }], left: 0 } : {
        documents: filled.map((text) => ({ text })),
        left: lines.length - filled.length - (lines.at(-1) === "" ? 1 : 0),
      },
  };
}

/** Numbers that JavaScript would change, such as ids of 19 digits, stay as they are written. */
function exact(key, value, context) {
  const isChanged = typeof value === "number" && context?.source && String(value) !== context.source;
  return isChanged && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
}

function parsed(json, place) {
  try {
    return JSON.parse(json, exact);
  } catch {
    throw new FileError("This is not JSON.", { place, expected: "a JSON object on each line" });
  }
}

function jsonSource(content, name) {
  const records = [];
  if (content.trimStart().startsWith("[")) {
    parsed(content, name).forEach((value, index) => records.push([value, `item ${index + 1}`]));
  } else {
    linesOf(content).forEach((line, index) => {
      const place = `${name}:${index + 1}`;
      if (!isBlank(line)) records.push([parsed(line, place), place]);
    });
  }
  const asRecords = records.map(([value, place]) => {
    if (typeof value === "string") return [{ text: value }, place];
    if (value && typeof value === "object" && !Array.isArray(value)) return [value, place];
    throw new FileError("This is not a JSON object.", { place, expected: 'an object as {"text": …}' });
  });
  const fields = textFields(asRecords.map(([record]) => record));
  return {
    question: "Field of the texts",
    choices: fields.map((field) => [field, field]),
    chosen: fields.includes("text") ? "text" : fields[0],
    documents: (field) => ({
      documents: asRecords.map(([record, place]) => documentOf(record, field, place)),
      left: 0,
    }),
  };
}

function textFields(records) {
  const fields = new Set();
  for (const record of records.slice(0, 1000)) {
    for (const [field, value] of Object.entries(record)) {
      if (typeof value === "string") fields.add(field);
    }
  }
  if (!fields.size) {
    throw new FileError("No field of the records holds a text.", { expected: 'as {"text": …}' });
  }
  return [...fields];
}

function documentOf(record, field, place) {
  const text = Object.hasOwn(record, field) ? record[field] : null;
  if (typeof text !== "string") {
    throw new FileError(`The field "${field}" holds no text.`, { place, expected: "a string" });
  }
  const document = { text, record, field };
  if (typeof record.id === "string") document.id = record.id;
  if (isRanges(record.tokens)) {
    const utf16 = toUtf16(text);
    document.tokens = record.tokens.map((range) => range.map(utf16));
  }
  return document;
}

const isRanges = (value) =>
  Array.isArray(value) &&
  value.every((range) => Array.isArray(range) && range.length === 2 && range.every(Number.isInteger));

function tableSource(content, name) {
  const header = linesOf(content)[0];
  const signs = [",", ";", "\t"].map((sign) => [header.split(sign).length, sign]);
  const separator = signs.sort((a, b) => b[0] - a[0])[0][1];
  const [head, ...rows] = cells(content, separator, name);
  const names = head.map((each, i) => (head.indexOf(each) < i ? `${each} (${i + 1})` : each));
  const wrong = rows.findIndex((row) => row.length !== names.length);
  if (wrong >= 0) {
    throw new FileError(`Row ${wrong + 2} has ${rows[wrong].length} columns.`, {
      place: name,
      expected: `${names.length}, as in the first row`,
    });
  }
  const records = rows.map((row) => Object.fromEntries(row.map((cell, i) => [names[i], cell])));
  const usual = names.findIndex((each) => /^(text|sentence|content|body|message)$/i.test(each));
  return {
    question: "Column of the texts",
    choices: names.map((each, index) => [String(index), each || `column ${index + 1}`]),
    chosen: String(Math.max(usual, 0)),
    documents: (choice) => {
      const field = names[Number(choice)];
      const all = records.map((record, index) => documentOf(record, field, `row ${index + 2}`));
      const documents = all.filter(({ text }) => !isBlank(text));
      return { documents, left: all.length - documents.length };
    },
  };
}

/** The rows of a table with quoted cells (RFC 4180). */
function cells(content, separator, name) {
  const rows = [];
  let row = [];
  const cell = `"([^"]*(?:""[^"]*)*)"|((?!")[^${separator}\r\n]*)`;
  const pattern = new RegExp(`(?:${cell})(${separator}|\r\n|\n|\r|$)`, "y");
  while (pattern.lastIndex < content.length || row.length) {
    const found = pattern.exec(content);
    if (!found) {
      throw new FileError("A quoted cell does not end, or is followed by more.", {
        place: `${name}, row ${rows.length + 1}`,
        expected: 'quotes inside of cells doubled: ""',
      });
    }
    row.push(found[1] === undefined ? found[2] : found[1].replaceAll('""', '"'));
    if (found[3] !== separator) {
      if (row.length > 1 || row[0]) rows.push(row);
      row = [];
    }
  }
  if (!rows.length) throw new FileError("The file holds no rows.", { place: name });
  return rows;
}

function columnSource(content, name) {
  const sentences = [[]];
  for (const line of linesOf(content)) {
    const isComment = line.startsWith("#") && !sentences.at(-1).length && /^# ?\S+ ?=/.test(line);
    if (isBlank(line)) sentences.push([]);
    else if (!isComment && !line.startsWith("-DOCSTART-")) sentences.at(-1).push(line);
  }
  const filled = sentences.filter((lines) => lines.length);
  if (!filled.length) throw new FileError("The file holds no words.", { place: name });
  const split = filled[0][0].includes("\t") ? /\t/ : / +/;
  const rows = filled.map((lines) => lines.map((line) => line.split(split)));
  return {
    question: "Column of the words",
    choices: rows[0][0].map((cell, index) => [String(index), `${index + 1}, as in “${cell}”`]),
    chosen: /^\d+$/.test(rows[0][0][0]) && rows[0][0].length > 1 ? "1" : "0",
    documents: (choice) => ({
      documents: rows.map((sentence) => joined(sentence.map((row) => row[Number(choice)] ?? ""))),
      left: 0,
    }),
  };
}

function joined(words) {
  const filled = words.filter((word) => word);
  let position = 0;
  const tokens = filled.map((word) => {
    const token = [position, position + word.length];
    position = token[1] + 1;
    return token;
  });
  return { text: filled.join(" "), tokens };
}

const SOURCES = { text: textSource, json: jsonSource, table: tableSource, columns: columnSource };
