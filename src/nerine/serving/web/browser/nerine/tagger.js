/**
 * A Nerine model in JavaScript: text → entities, without a server.
 *
 *     import { Tagger } from "./nerine/tagger.js";
 *     const tagger = await Tagger.load(new URL("./", location.href));
 *     const { entities } = await tagger.tag("Mira Okonjo left Tandem Labs for Lisbon.");
 *
 * The way is that of Nerine in Python: words, subwords, windows, batches, logits, tags, entities.
 *
 * @typedef {object} Entity
 * @property {number} start Its first UTF-16 unit, as `text.slice(start, end)` counts.
 * @property {number} end The unit after its last one.
 * @property {[number, number]} codePoints The same range in code points, as Python counts.
 * @property {string} text The text of the entity.
 * @property {string} label Its label.
 * @property {number} score Its exact probability, from 0 to 1.
 *
 * @typedef {{text: string, entities: Entity[]}} Tagged
 *
 * @typedef {number | Record<string, number> | "saved" | null} Thresholds One for all labels, one
 *   for each of some labels, those that were saved with the model, or none.
 */

import { Chain } from "./decoding.js";
import { makeTokenizer } from "./tokenizer.js";
import { alignWords, makeWindows } from "./windows.js";
import { wordCutter } from "./words.js";

const FORMAT = 1;

export class Tagger {
  #cutWords;
  #tokenizer;
  #chain;
  #run;

  /**
   * @param {object} settings The content of `settings.json`.
   * @param {object} tokenizer The content of `tokenizer.json`.
   * @param {(batch: Batch) => Promise<Float32Array>} run The model: a batch → logits of its rows.
   * @param {Thresholds} [thresholds] Entities with a lower score than this are left out.
   */
  constructor(settings, tokenizer, run, thresholds = null) {
    if (settings.format !== FORMAT) {
      throw new Error(
        `settings.json has the format ${settings.format}, but this code knows ${FORMAT}`,
      );
    }
    this.settings = settings;
    this.labels = settings.chain.labels;
    this.threshold = thresholdOf(thresholds, settings.thresholds);
    this.#cutWords = wordCutter(settings.words, settings.classes);
    this.#tokenizer = makeTokenizer(tokenizer, settings.tokenizer);
    this.#chain = new Chain(settings.chain);
    this.#run = run;
  }

  /**
   * Loads a model from the folder that `nerine optimize --for web` made.
   *
   * @param {string | URL} folder The address of the folder.
   * @param {{runtime?: object, thresholds?: Thresholds}} [options] `runtime` is the module
   *   onnxruntime-web, or another one of its kind; by default the one that the settings name.
   */
  static async load(folder, { runtime, thresholds } = {}) {
    const base = new URL(`${folder}`.replace(/\/?$/, "/"), globalThis.location?.href);
    const read = async (name) => JSON.parse(new TextDecoder().decode(await fetchBytes(base, name)));
    const [settings, tokenizer] = await Promise.all([
      read("settings.json"),
      read("tokenizer.json"),
    ]);
    const [model, ort] = await Promise.all([
      fetchBytes(base, settings.model),
      runtime ?? import(new URL(settings.runtime.module, base)),
    ]);
    const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
    return new Tagger(settings, tokenizer, (batch) => runSession(ort, session, batch), thresholds);
  }

  /**
   * Tags one text.
   *
   * @param {string} text
   * @returns {Promise<Tagged>}
   */
  async tag(text) {
    return (await this.tagAll([text]))[0];
  }

  /**
   * Tags many texts: their windows share batches.
   *
   * @param {string[]} texts
   * @returns {Promise<Tagged[]>} One result for each text, in order.
   */
  async tagAll(texts) {
    const documents = texts.map((text) => this.#encode(text));
    for (const batch of makeBatches(documents, this.settings)) {
      const logits = await this.#run(batch);
      const size = logits.length / batch.owners.length;
      batch.owners.forEach(({ document, word }, row) => {
        document.logits[word] = Array.from(logits.subarray(row * size, (row + 1) * size));
      });
    }
    return documents.map((document) => this.#decode(document));
  }

  /** The words, subwords and windows of a text. */
  #encode(text) {
    if (typeof text !== "string") throw new TypeError(`a text is a string, not ${typeof text}`);
    const { before, after } = this.settings.tokenizer;
    const { maxLength, overlap } = this.settings.windows;
    const subwords = this.#tokenizer.encode(text);
    const { words, starts } = alignWords(this.#cutWords(text), subwords);
    const capacity = maxLength - before.length - after.length;
    const windows = makeWindows(starts, subwords.ids.length, capacity, overlap);
    return {
      text,
      subwords,
      words,
      starts,
      windows,
      logits: words.map(() => this.settings.chain.blind),
    };
  }

  /** The text with the entities of the best tags of its words. */
  #decode({ text, words, logits }) {
    if (!logits.every((row) => row.every(Number.isFinite))) {
      throw new Error("the model's logits are infinite or not numbers");
    }
    const codePoints = codePointCounter(text);
    const entities = this.#chain
      .entities(logits)
      .filter(({ label, score }) => score >= this.threshold(label))
      .map(({ start: first, end: last, label, score }) => {
        const start = words[first][0],
          end = words[last - 1][1];
        return {
          start,
          end,
          codePoints: [codePoints(start), codePoints(end)],
          text: text.slice(start, end),
          label,
          score,
        };
      });
    return { text, entities };
  }
}

/**
 * Windows of like length that go through the model together, padded to one length.
 *
 * @typedef {object} Batch
 * @property {number} size The number of windows.
 * @property {number} length The subwords of each, with special tokens and padding.
 * @property {BigInt64Array} inputIds `size * length` ids.
 * @property {BigInt64Array} attentionMask 1 for a subword, 0 for padding.
 * @property {BigInt64Array} rows The place of each owned word's first subword in `inputIds`.
 * @property {{document: object, word: number}[]} owners The word of each row.
 */

/** All windows of documents in batches, the longest first. */
function makeBatches(documents, { tokenizer, batching }) {
  const special = tokenizer.before.length + tokenizer.after.length;
  const windows = documents
    .flatMap((document) => document.windows.map((window) => ({ ...window, document })))
    .map((window) => ({ ...window, length: window.last - window.first + special }))
    .sort((left, right) => right.length - left.length);
  const groups = [];
  for (const window of windows) {
    const group = groups.at(-1);
    const length = Math.max(group?.[0].length ?? 0, batching.leastLength);
    const fits =
      group &&
      batching.sharing !== "alone" &&
      (batching.sharing === "padded" || group[0].length === window.length) &&
      (group.length + 1) * length <= batching.tokenBudget;
    if (fits) group.push(window);
    else groups.push([window]);
  }
  return groups.map((group) => makeBatch(group, tokenizer, batching.leastLength));
}

/** @returns {Batch} */
function makeBatch(windows, { before, after, padding }, leastLength) {
  const length = Math.max(windows[0].length, leastLength);
  const inputIds = new BigInt64Array(windows.length * length).fill(BigInt(padding));
  const attentionMask = new BigInt64Array(windows.length * length);
  const rows = [],
    owners = [];
  windows.forEach(({ document, first, last, words }, index) => {
    const ids = [...before, ...document.subwords.ids.slice(first, last), ...after];
    ids.forEach((id, place) => {
      inputIds[index * length + place] = BigInt(id);
      attentionMask[index * length + place] = 1n;
    });
    for (const word of words) {
      rows.push(BigInt(index * length + before.length + document.starts[word] - first));
      owners.push({ document, word });
    }
  });
  return {
    size: windows.length,
    length,
    inputIds,
    attentionMask,
    rows: BigInt64Array.from(rows),
    owners,
  };
}

/** The logits of a batch's rows, by ONNX Runtime. */
async function runSession(ort, session, { size, length, inputIds, attentionMask, rows }) {
  const { logits } = await session.run({
    input_ids: new ort.Tensor("int64", inputIds, [size, length]),
    attention_mask: new ort.Tensor("int64", attentionMask, [size, length]),
    rows: new ort.Tensor("int64", rows, [rows.length]),
  });
  return logits.data;
}

/** The bytes of a file of the folder. */
async function fetchBytes(base, name) {
  const address = new URL(name, base);
  if (address.protocol === "file:" && globalThis.process?.versions?.node) {
    const { readFile } = await import("node:fs/promises");
    return readFile(address);
  }
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address.href}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** The function from a label to its threshold. */
function thresholdOf(thresholds, saved) {
  if (thresholds === "saved" && !saved) {
    throw new Error("no thresholds are saved with this model: nerine calibrate fits them");
  }
  const { value, labels } =
    thresholds === "saved"
      ? saved
      : typeof thresholds === "number"
        ? { value: thresholds, labels: {} }
        : { value: 0, labels: thresholds ?? {} };
  const own = new Map(Object.entries(labels));
  return (label) => own.get(label) ?? value;
}

/** The function from rising UTF-16 offsets of a text to code points, in one walk over the text. */
function codePointCounter(text) {
  let unit = 0,
    count = 0;
  return (offset) => {
    for (; unit < offset; count += 1) unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
    return count;
  };
}
