/**
 * Text → subwords with exact offsets, for two kinds of tokenizers: WordPiece and BPE on bytes.
 *
 * `tokenizer.json` has the vocabulary. The classes of characters are in `settings.json`, from the
 * library that tokenized the training texts. Every subword has the range of the characters that it
 * was made from, in UTF-16 units of the text.
 *
 * @typedef {{ids: number[], starts: number[], ends: number[]}} Subwords
 * @typedef {{character: string, start: number, end: number}} Character One of normalized text,
 *   with the range that it was made from.
 */

/**
 * The tokenizer of a model.
 *
 * @param {object} json The content of `tokenizer.json`.
 * @param {object} settings The part `tokenizer` of `settings.json`.
 * @returns {{encode: (text: string) => Subwords}} Subwords are without special tokens.
 */
export function makeTokenizer(json, settings) {
  const pieces =
    settings.kind === "wordpiece" ? wordPiece(json, settings) : byteLevel(json, settings);
  const trim = settings.trim ? spaceTrimmer(json, settings) : () => {};
  const addedTokens = [false, true].map((normalized) =>
    addedTokenFinder(settings.added.filter((token) => token.normalized === normalized)),
  );
  return {
    encode(text) {
      const characters = charactersOf(text);
      /** @type {Subwords} */
      const subwords = { ids: [], starts: [], ends: [] };
      const add = (id, start, end) => {
        subwords.ids.push(id);
        subwords.starts.push(start);
        subwords.ends.push(end);
      };
      let parts = [{ characters }];
      for (const divide of addedTokens) {
        parts = parts.flatMap((part) => (part.id === undefined ? divide(part.characters) : [part]));
      }
      for (const part of parts) {
        if (part.id !== undefined) add(part.id, part.start, part.end);
        else pieces(part.characters, add);
      }
      trim(subwords, text);
      return subwords;
    },
  };
}

/** The code points of a text; U+FFFD stands for each half of a surrogate pair without the other. */
function charactersOf(text) {
  const characters = [];
  let start = 0;
  for (const each of text) {
    const end = start + each.length;
    characters.push({ character: /\p{Cs}/u.test(each) ? "\ufffd" : each, start, end });
    start = end;
  }
  return characters;
}

const textOf = (characters) => characters.map(({ character }) => character).join("");

const SPACE_BEFORE = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$/;
const SPACE_AFTER = /^[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*/;

/** The function that divides characters at the tokens which are found before all others. */
function addedTokenFinder(tokens) {
  if (tokens.length === 0) return (characters) => [{ characters }];
  const ids = new Map(tokens.map((token) => [token.content, token]));
  const longestFirst = [...ids.keys()].sort((a, b) => b.length - a.length);
  const escaped = longestFirst.map((each) => each.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  const pattern = new RegExp(escaped.join("|"), "gu");
  return (characters) => {
    const text = textOf(characters);
    const found = [...text.matchAll(pattern)];
    if (found.length === 0) return [{ characters }];
    const places = new Map();
    let length = 0;
    characters.forEach(({ character }, index) => {
      places.set(length, index);
      length += character.length;
    });
    places.set(length, characters.length);
    const parts = [];
    let reached = 0;
    for (const match of found) {
      const { id, lstrip, rstrip } = ids.get(match[0]);
      const start = match.index,
        end = match.index + match[0].length;
      const [first, last] = [places.get(start), places.get(end)];
      // white space next to it belongs to some tokens, but not to their ranges
      const before = lstrip ? SPACE_BEFORE.exec(text.slice(reached, start))[0].length : 0;
      const after = rstrip ? SPACE_AFTER.exec(text.slice(end))[0].length : 0;
      if (reached < start - before) {
        parts.push({
          characters: characters.slice(places.get(reached), places.get(start - before)),
        });
      }
      parts.push({ id, start: characters[first].start, end: characters[last - 1].end });
      reached = end + after;
    }
    if (reached < length) parts.push({ characters: characters.slice(places.get(reached)) });
    return parts;
  };
}

/**
 * WordPiece (Wu et al., 2016) as BERT has it: characters are cleaned, words divided at white space
 * and punctuation, and each word is made of the longest pieces, from left to right.
 */
function wordPiece(json, { normalizer, pretokens }) {
  const {
    vocab,
    unk_token,
    continuing_subword_prefix: prefix,
    max_input_chars_per_word: most,
  } = json.model;
  const ids = new Map(Object.entries(vocab));
  const unknown = ids.get(unk_token);
  const changes = characterChanges(normalizer),
    sortMarks = markSorter(normalizer);
  const isSpace = new RegExp(`[${pretokens.space}]`, "u");
  const isMark = new RegExp(`[${pretokens.punctuation}]`, "u");
  const kinds = memoized((character) => {
    if (isSpace.test(character)) return "space";
    return isMark.test(character) ? "mark" : "inner";
  });

  function addWord(word, add) {
    const found = [];
    let start = 0;
    while (start < word.length) {
      let end = word.length,
        id;
      while (end > start) {
        id = ids.get((start > 0 ? prefix : "") + textOf(word.slice(start, end)));
        if (id !== undefined) break;
        end -= 1;
      }
      if (id === undefined) return add(unknown, word[0].start, word.at(-1).end);
      found.push([id, word[start].start, word[end - 1].end]);
      start = end;
    }
    for (const piece of found) add(...piece);
  }

  return (characters, add) => {
    let word = [];
    const finish = () => {
      if (word.length > most) add(unknown, word[0].start, word.at(-1).end);
      else if (word.length > 0) addWord(word, add);
      word = [];
    };
    for (const { character: original, start, end } of sortMarks(characters)) {
      for (const character of changes(original)) {
        const kind = kinds(character);
        if (kind !== "inner") finish();
        if (kind !== "space") word.push({ character, start, end });
        if (kind === "mark") finish();
      }
    }
    finish();
  };
}

/** The function from a character to those that the normalizer makes of it. */
function characterChanges({ dropped, spaced, changed, hangul }) {
  const isDropped = new RegExp(`[${dropped}]`, "u"),
    isSpaced = new RegExp(`[${spaced}]`, "u");
  return memoized((character) => {
    if (changed[character] !== undefined) return [...changed[character]];
    if (isDropped.test(character)) return [];
    if (isSpaced.test(character)) return [" ", character, " "];
    const isSyllable = hangul && character >= "\uac00" && character <= "\ud7a3";
    return isSyllable ? [...character.normalize("NFD")] : [character];
  });
}

/**
 * The function that brings marks next to each other into canonical order, where the normalizer
 * keeps one of them. As in the library, the ranges stay in the order that they had; a mark that was
 * a part of another character gets the range before it.
 */
function markSorter({ order, dropped }) {
  const patterns = Object.entries(order).map(([number, marks]) => [
    Number(number),
    new RegExp(`[${marks}]`, "u"),
  ]);
  const orderOf = memoized(
    (character) => patterns.find(([, pattern]) => pattern.test(character))?.[0] ?? 0,
  );
  const isDropped = new RegExp(`[${dropped}]`, "u");
  const isCleaned = memoized((character) => isDropped.test(character) && !/\p{M}/u.test(character));
  return (characters) => {
    const keepsMark = ({ character }) => orderOf(character) > 0 && !isDropped.test(character);
    if (!characters.some(keepsMark)) return characters;
    const sorted = [];
    let marks = [];
    const finish = () => {
      const ranges = marks.filter(({ isPart }) => !isPart);
      const inOrder = [...marks].sort((a, b) => orderOf(a.character) - orderOf(b.character));
      for (const { character, isPart } of inOrder) {
        const { start, end } = isPart ? sorted.at(-1) : ranges.shift();
        sorted.push({ character, start, end });
      }
      marks = [];
    };
    for (const { character: whole, start, end } of characters) {
      if (isCleaned(whole)) continue;
      const parts = [...whole.normalize("NFD")];
      for (const [index, character] of (parts.some(orderOf) ? parts : [whole]).entries()) {
        if (orderOf(character) === 0) finish();
        (orderOf(character) === 0 ? sorted : marks).push({
          character,
          start,
          end,
          isPart: index > 0,
        });
      }
    }
    finish();
    return sorted;
  };
}

/** A function of a character that remembers its results. */
function memoized(compute) {
  const known = new Map();
  return (character) => {
    if (!known.has(character)) known.set(character, compute(character));
    return known.get(character);
  };
}

/**
 * BPE (Sennrich et al., 2016) on bytes, as GPT-2 has it: a text is divided by a pattern, and in each
 * part the pair of neighbours that was merged first in training is merged, until none is left.
 */
function byteLevel(json, { pretokens, prefixSpace }) {
  const { letter, number, space } = pretokens;
  const pattern = new RegExp(
    `'s|'t|'re|'ve|'m|'ll|'d| ?[${letter}]+| ?[${number}]+| ?[^${space}${letter}${number}]+` +
      `|[${space}]+(?![^${space}])|[${space}]+`,
    "gu",
  );
  const ids = new Map(Object.entries(json.model.vocab));
  const ranks = new Map(json.model.merges.map((pair, rank) => [joinedPair(pair), rank]));
  const encoder = new TextEncoder();
  const bytes = memoized((character) => [...encoder.encode(character)].map((byte) => BYTES[byte]));

  return (characters, add) => {
    const all = [...characters];
    if (prefixSpace && all.length > 0 && all[0].character !== " ") {
      all.unshift({ ...all[0], character: " " });
    }
    let index = 0;
    for (const [part] of textOf(all).matchAll(pattern)) {
      let symbols = [];
      for (let length = 0; length < part.length; index += 1) {
        const { character, start, end } = all[index];
        symbols.push(...bytes(character).map((text) => ({ text, start, end })));
        length += character.length;
      }
      symbols = merged(symbols, ranks, json.model.ignore_merges ? ids : null);
      for (const { text, start, end } of symbols) add(ids.get(text), start, end);
    }
  };
}

/** The symbols of a part of a text after all merges; a part that `whole` knows becomes one. */
function merged(symbols, ranks, whole) {
  if (whole?.has(union(symbols).text)) return [union(symbols)];
  for (;;) {
    const found = symbols.map(
      ({ text }, index) => ranks.get(`${text} ${symbols[index + 1]?.text}`) ?? Infinity,
    );
    const lowest = found.reduce((least, rank) => Math.min(least, rank), Infinity);
    if (lowest === Infinity) return symbols;
    // All pairs of this rank at once: what they make is merged with others later than they are.
    const next = [];
    for (let index = 0; index < symbols.length; index += 1) {
      if (found[index] === lowest) next.push(union([symbols[index], symbols[++index]]));
      else next.push(symbols[index]);
    }
    symbols = next;
  }
}

const union = (symbols) => ({
  text: symbols.map(({ text }) => text).join(""),
  start: symbols[0].start,
  end: symbols.at(-1).end,
});

const joinedPair = (pair) => (typeof pair === "string" ? pair : pair.join(" "));

/** The character that stands for each byte: itself if it can be seen, else one from U+0100 on. */
const BYTES = (() => {
  let next = 0x100;
  const isSeen = (byte) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isSeen(byte) ? byte : next++),
  );
})();

/** The function that takes the spaces at the ends of subwords out of their ranges. */
function spaceTrimmer({ model, added_tokens: added }, { trimPrefix }) {
  const spaces = (text) => [/^[Ġ ]*/, /[Ġ ]*$/].map((pattern) => pattern.exec(text)[0].length);
  const lengths = new Map(Object.entries(model.vocab).map(([text, id]) => [id, spaces(text)]));
  for (const { id, content } of added) lengths.set(id, spaces(content));
  return ({ ids, starts, ends }, text) =>
    ids.forEach((id, index) => {
      const [before, after] = lengths.get(id);
      const isPrefix = index === 0 && trimPrefix && before === 1;
      // a space that is in no text has the range of the first character, which may be two units
      for (
        let count = isPrefix ? 0 : before;
        count > 0 && starts[index] < ends[index];
        count -= 1
      ) {
        starts[index] += text.codePointAt(starts[index]) > 0xffff ? 2 : 1;
      }
      for (let count = after; count > 0 && starts[index] < ends[index]; count -= 1) {
        ends[index] -=
          /[\udc00-\udfff]/.test(text[ends[index] - 1]) && ends[index] - starts[index] > 1 ? 2 : 1;
      }
    });
}
