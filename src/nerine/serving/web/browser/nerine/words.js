/**
 * Text → words, the units that bear tags, by the two versions of Nerine's rule.
 *
 * The classes of characters come with the model (`settings.json`), from the library that cut the
 * training texts, so that the Unicode version of the browser does not matter. Offsets are UTF-16
 * units, as in `text.slice(start, end)`.
 *
 * @typedef {[start: number, end: number]} Range A half-open range of UTF-16 units.
 * @typedef {Record<string, string>} Classes What stands in a pattern between `[` and `]`, by name.
 */

/**
 * The function that cuts texts into words.
 *
 * @param {"rule" | "rule-2"} rule The version of the rule.
 * @param {Classes} classes The classes of characters.
 * @returns {(text: string) => Range[]}
 */
export function wordCutter(rule, classes) {
  const pattern = wordPattern(rule, classes);
  const divide = rule === "rule-2" ? divider(classes) : (match, range) => [range];
  return (text) => {
    const words = [];
    for (const match of text.matchAll(pattern)) {
      const range = [match.index, match.index + match[0].length];
      if (match.groups.space === undefined) words.push(...divide(match, range));
    }
    return words;
  };
}

/**
 * At each place of a text, the first of these that applies: white space, an address, a word with
 * signs inside, an English ending, a flag, any other character with its modifiers.
 */
function wordPattern(rule, classes) {
  const { letter, number, mark, blank, any } = classes;
  const isFine = rule === "rule-2";
  const inWord = isFine ? classes.inFineWord : classes.inWord;
  const run = `[${inWord}][${inWord}${mark}]*`;
  const sign = String.raw`[\-‐‑'’${isFine ? "" : "ʼ"}.·\/&${isFine ? "\\u05f3\\u05f4" : ""}]`;
  const address =
    String.raw`(?:https?:\/\/|www\.)[^${blank}<>"“”«»]*[^${blank}<>"“”«»'.,;:!?\)\]\}…]` +
    String.raw`|[${letter}${number}_.+\-]{1,64}@(?:[${letter}${number}\-]{1,63}\.){1,8}[${letter}]{2,63}`;
  const ending = String.raw`['’](?:[sSſmMdD]|[rRvV][eE]|[lL]{2})(?![${letter}${number}${mark}_])`;
  const abbreviated = String.raw`(?:(?<=(?<![${any}])[${letter}]\.[${letter}])\.)?`;
  const word =
    (isFine ? "" : "[@#]?") +
    `${run}(?:(?!${ending})${sign}${run})*${isFine ? "[\\u05f3\\u05f4]?" : ""}${abbreviated}`;
  const flag = String.raw`[\u{1F1E6}-\u{1F1FF}]{1,2}`;
  return new RegExp(
    `(?<space>[${blank}]+)|(?<address>${address})|${word}|${ending}|${flag}|${cluster(classes)}`,
    "gu",
  );
}

/** An extended grapheme cluster (Unicode Standard Annex 29): a character with its modifiers. */
function cluster(c) {
  const hangul = `[${c.L}]*(?:[${c.V}]+|[${c.LV}][${c.V}]*|[${c.LVT}])[${c.T}]*|[${c.L}]+|[${c.T}]+`;
  const emoji = `[${c.pictograph}](?:[${c.extend}]*\\u200d[${c.pictograph}])*`;
  const core = `${hangul}|[${c.regional}]{2}|${emoji}|[^${c.control}]`;
  // as the library that cut the training texts does, whatever stands before the linker
  const conjoined = `(?<=[${c.linker}][${c.linker}${c.joiner}]*)[${c.consonant}]`;
  const after = `(?:[${c.extend}\\u200d${c.spacing}]|${conjoined})*`;
  return `\\r\\n|[${c.prepend}]*(?:${core})${after}|[${c.control}]`;
}

const SIGNS = /[-‐‑'’.·/&\u05f3\u05f4]/;
/** What loses its vowel before a word in French, Italian and Catalan. */
const ELIDED = new RegExp(
  "^(?:[ldjmtsnc]|(?:lors|puis|jus|quoi|pres)?qu|(?:ness|ciasc|qualc)?un|" +
    "[dn]?all|[dn]ell|[sc]ull|coll|quell|bell|(?:[ad]?a|[dn]e|su)?gl|sant|quest|tutt|cos|com|" +
    "dov|anch|senz|mezz|nient)$",
);
const ARTICLES = /^(?:[ae]l|ul|a[dnrstz]|ash|ez|bin|ibn|abu|ben)$/;
/** Endings after an apostrophe in Turkish, Azerbaijani, Polish and Dutch; `~` is any of a word. */
const SUFFIXES =
  "^(?:[yns]?[ıiuüaeéo]|[yn]?[ıiuü]n|n?[dt][ae]n?|n?[dt][ae]ki~*|y?l[ae]|l[ae]r~*|[dt][ıiuü]r|" +
  "l[ıiuü]k?|s[ıiuü]z|[cç][ae]|n?c[ıiuü]|m[ıiuü]ş|y?ken|y?[ds][ıiuüae]|[ıiuü]m~{0,4}|" +
  "[ıiuü]n[dıiuü]~{0,5}|s[ıiuü]n~{0,5}|ego|emu|em|owi|ów|y|ie|im|ą|ę|ers?)$";
/** The most letters of a small word inside a name, and the most of them: Villeneuve-sur-le-Lot. */
const SMALL_LETTERS = 4,
  SMALL_WORDS = 3;

/** The function that divides a word of the second version of the rule at the signs inside it. */
function divider(classes) {
  const of = (name) => new RegExp(`[${classes[name]}]`, "u");
  const [upper, lower, title, digit, alpha, alnum] = [
    "upper",
    "lower",
    "title",
    "digit",
    "alpha",
    "alnum",
  ].map(of);
  const suffix = new RegExp(SUFFIXES.replaceAll("~", `[${classes.any}]`), "u");
  // A part of a word is an array of characters (code points).
  const isUpper = (part) =>
    part.some((each) => upper.test(each)) &&
    !part.some((each) => lower.test(each) || title.test(each));
  const isLower = (part) =>
    part.some((each) => lower.test(each)) &&
    !part.some((each) => upper.test(each) || title.test(each));
  const small = (part) => part.join("").toLowerCase();
  const first = (part) => part.slice(0, 1),
    last = (part) => part.slice(-1);

  /** Whether a word that has lost its vowel stands before an apostrophe, and a vowel after it. */
  function isElided(before, after) {
    const vowel = first(after).join("").normalize("NFD").toLowerCase().slice(0, 1);
    return ELIDED.test(small(before)) && vowel !== "" && "aeiouyhœæ".includes(vowel);
  }

  /** Whether a case or a particle follows the apostrophe of a name or a number. */
  function isSuffix(name, ending) {
    if (name.length < 2 || !(isUpper(first(name)) || digit.test(name.at(-1)))) return false;
    const isCasedAlike = isLower(ending) || (isUpper(ending) && isUpper(name));
    return isCasedAlike && suffix.test(small(ending));
  }

  /** Whether some small words are followed by a capital letter. */
  function isInName(parts) {
    const next = parts.find((part) => !(isLower(part) && part.length <= SMALL_LETTERS));
    return next !== undefined && isUpper(first(next));
  }

  /** Whether the hyphen after the part at `index` divides. */
  function hyphenDivides(parts, index) {
    const before = parts[index],
      after = parts[index + 1];
    const isLetter = index === 0 && before.length === 1 && alpha.test(before[0]);
    if (isLetter && (isUpper(before) || isLower(first(after)))) return false;
    if (isLower(first(before)) && isLower(first(after))) {
      return Math.min(before.length, after.length) > 2;
    }
    if (isLower(first(before))) {
      const earlier = parts.slice(Math.max(index - SMALL_WORDS, 0), index + 1).reverse();
      return !(ARTICLES.test(before.join("")) || isInName(earlier));
    }
    return isLower(first(after)) && !isInName(parts.slice(index + 1, index + 2 + SMALL_WORDS));
  }

  /** Whether a sign other than an apostrophe divides the parts before and after it. */
  function divides(sign, parts, index) {
    const before = parts[index],
      after = parts[index + 1];
    if (sign === "/") return !(digit.test(before.at(-1)) && digit.test(after[0]));
    if (sign === "." || sign === "&") {
      const isWord = before.length > 1 && isLower(last(before)) && isUpper(first(after));
      return isWord && (sign === "&" || isLower(after.slice(1, 2)));
    }
    return "-‐‑".includes(sign) && hyphenDivides(parts, index);
  }

  return (match, [start, end]) => {
    const characters = [...match[0]];
    const isPlain = match.groups.address !== undefined || !alnum.test(characters[0]);
    if (characters.length <= 2 || isPlain) return [[start, end]];
    const parts = [[]],
      signs = [];
    let place = start;
    characters.forEach((character, index) => {
      if (SIGNS.test(character) && index < characters.length - 1) {
        signs.push({
          sign: character,
          place,
          begin: parts.length === 1 ? start : signs.at(-1).place + 1,
        });
        parts.push([]);
      } else parts.at(-1).push(character);
      place += character.length;
    });
    const words = [];
    signs.forEach(({ sign, place: at, begin }, index) => {
      const before = parts[index],
        after = parts[index + 1];
      if (sign === "'" || sign === "’") {
        if (start === begin && isElided(before, after)) {
          words.push([start, at + 1]);
          start = at + 1;
        } else if (index === signs.length - 1 && isSuffix(before, after)) {
          words.push([start, at]);
          start = at;
        }
      } else if (divides(sign, parts, index)) {
        if (start < at) words.push([start, at]);
        words.push([at, at + 1]);
        start = at + 1;
      }
    });
    if (start < end) words.push([start, end]);
    return words;
  };
}
