// Texts: control characters made visible, and offsets in code points and UTF-16 code units.

const UNSEEN = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]|\p{Cs}/gu;

/** `text` with a visible sign for each control character, and of the same length. */
export function visible(text, { lines = false } = {}) {
  const control = lines ? /[\u0000-\u0008\u000b-\u001f]/g : /[\u0000-\u001f]/g;
  return text
    .replace(control, (sign) => String.fromCharCode(0x2400 + sign.charCodeAt(0)))
    .replace(UNSEEN, "\ufffd");
}

/** The first `most` characters of a text, never half of one. */
export function shortened(text, most) {
  if (text.length <= most) return text;
  return `${Array.from(text.slice(0, most + 1)).slice(0, -1).join("")}…`;
}

/** The indices in UTF-16 code units of the characters of `text` that take two. */
function pairsOf(text) {
  return Array.from(text.matchAll(/[\u{10000}-\u{10ffff}]/gu), (match) => match.index);
}

/** How many numbers of a sorted array are below `limit`, where `key` makes the numbers. */
function countBelow(sorted, limit, key) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(sorted[middle], middle) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A function from offsets of `text` in UTF-16 code units to offsets in code points. */
export function toCodePoints(text) {
  const pairs = pairsOf(text);
  return (offset) => offset - countBelow(pairs, offset, (place) => place);
}

/** A function from offsets of `text` in code points to offsets in UTF-16 code units. */
export function toUtf16(text) {
  const pairs = pairsOf(text);
  return (offset) => offset + countBelow(pairs, offset, (place, index) => place - index);
}
