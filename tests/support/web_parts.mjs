// Parts of the web folder's JavaScript on cases from standard input, results to standard output.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(`${process.argv[2]}/`);
const load = (name) => import(new URL(name, folder));
const [{ wordCutter }, { makeTokenizer }, { alignWords, makeWindows }, { Chain }] =
  await Promise.all(["words.js", "tokenizer.js", "windows.js", "decoding.js"].map(load));

/** The function from UTF-16 offsets of a text to code points. */
function codePoints(text) {
  const places = new Map();
  let unit = 0,
    count = 0;
  for (const each of text) {
    places.set(unit, count++);
    unit += each.length;
  }
  return (offset) => (offset === unit ? count : (places.get(offset) ?? null));
}

const parts = {
  words: ({ rule, classes, texts }) => {
    const cut = wordCutter(rule, classes);
    return texts.map((text) => {
      const count = codePoints(text);
      return cut(text).map((range) => range.map(count));
    });
  },
  encodings: ({ json, settings, rule, classes, capacity, overlap, texts }) => {
    const tokenizer = makeTokenizer(json, settings),
      cut = wordCutter(rule, classes);
    return texts.map((text) => {
      const count = codePoints(text),
        subwords = tokenizer.encode(text);
      const { words, starts } = alignWords(cut(text), subwords);
      const windows = makeWindows(starts, subwords.ids.length, capacity, overlap);
      const offsets = subwords.starts.map((start, index) =>
        [start, subwords.ends[index]].map(count),
      );
      return {
        ids: subwords.ids,
        offsets,
        words: words.map((range) => range.map(count)),
        starts,
        windows,
      };
    });
  },
  entities: ({ chain, sentences }) => sentences.map((logits) => new Chain(chain).entities(logits)),
};

const cases = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(cases.map(({ part, ...values }) => parts[part](values))));
