/**
 * Words and subwords → windows that the model takes.
 *
 * A subword belongs to the first word that it touches, and a word is represented by the first
 * subword that belongs to it. A long text becomes overlapping windows; each word is owned by the
 * one that sees most context around it, and gets its logits from there.
 *
 * @typedef {import("./words.js").Range} Range
 * @typedef {import("./tokenizer.js").Subwords} Subwords
 * @typedef {{first: number, last: number, words: number[]}} Window A half-open range of subwords,
 *   and the indices of the words that it owns.
 */

/**
 * The words as the model sees them, and the first subword of each, -1 for a word without one.
 *
 * Words inside one subword count as one word, since the model cannot tell them apart.
 *
 * @param {Range[]} words @param {Subwords} subwords
 * @returns {{words: Range[], starts: number[]}}
 */
export function alignWords(words, subwords) {
  const ends = words.map(([, end]) => end);
  const firstSubwords = new Array(words.length).fill(-1);
  subwords.ids.forEach((_, index) => {
    const begin = subwords.starts[index],
      end = subwords.ends[index];
    const touched = countUpTo(ends, begin);
    const touches = begin < end && touched < words.length && words[touched][0] < end;
    if (touches && firstSubwords[touched] < 0) firstSubwords[touched] = index;
  });
  const kept = [],
    starts = [];
  words.forEach(([start, end], index) => {
    const last = countUpTo(subwords.starts, start) - 1;
    const beginsInside = last >= 0 && subwords.ends[last] > start;
    if (firstSubwords[index] >= 0 || !beginsInside) {
      kept.push([start, end]);
      starts.push(firstSubwords[index]);
    } else {
      kept.at(-1)[1] = end;
    }
  });
  return { words: kept, starts };
}

/**
 * The windows of a text that own at least one word with a subword.
 *
 * @param {number[]} starts The first subword of each word, as from `alignWords`.
 * @param {number} length The number of subwords.
 * @param {number} capacity The most subwords of a window, without special tokens.
 * @param {number} overlap How many of them two neighbouring windows share.
 * @returns {Window[]}
 */
export function makeWindows(starts, length, capacity, overlap) {
  const seen = starts.map((_, word) => word).filter((word) => starts[word] >= 0);
  const ranges = windowRanges(
    seen.map((word) => starts[word]),
    length,
    capacity,
    overlap,
  );
  const windows = ranges.map(([first, last]) => ({ first, last, words: [] }));
  // Words and windows are both in order: those before `next` cannot own the words that follow.
  let next = 0;
  for (const word of seen) {
    const place = starts[word];
    while (ranges[next][1] <= place) next += 1;
    let best = next,
      most = -1;
    for (let index = next; index < ranges.length && ranges[index][0] <= place; index += 1) {
      const [begin, end] = ranges[index];
      // The ends of the text do not count: there is nothing beyond them to be seen.
      const left = begin === 0 ? length : place - begin;
      const right = end === length ? length : end - 1 - place;
      if (Math.min(left, right) > most) [best, most] = [index, Math.min(left, right)];
    }
    windows[best].words.push(word);
  }
  return windows.filter((window) => window.words.length > 0);
}

/**
 * Half-open ranges that cover all subwords, each of at most `capacity`. A range ends before a word
 * that it could not hold whole, unless that word alone is longer than what a step may leave out.
 */
function windowRanges(starts, length, capacity, overlap) {
  const ranges = [];
  let begin = 0;
  while (begin + capacity < length) {
    let end = begin + capacity;
    const word = countUpTo(starts, end) - 1;
    if (word >= 0 && starts[word] - overlap > begin) end = starts[word];
    ranges.push([begin, end]);
    begin = end - overlap;
  }
  ranges.push([begin, length]);
  return ranges;
}

/** How many of some rising numbers are at most `limit`. */
function countUpTo(numbers, limit) {
  let low = 0,
    high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
