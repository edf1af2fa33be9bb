/**
 * Logits of words → entities with exact probabilities.
 *
 * A sequence of tags y is scored by the sum of its words' logits and of the scores of its pairs of
 * neighbours, and a pair that the tag scheme forbids has the score -Infinity:
 *
 *     p(y) = exp(Σ_t logits[t, y_t] + scores[y_(t-1), y_t]) / Z
 *
 * The best sequence is found by Viterbi's algorithm (1967). The probability of an entity is the sum
 * of p(y) over all sequences that hold exactly this entity, found by forward–backward (Rabiner,
 * 1989). Everything is in logarithms, so that nothing underflows.
 *
 * @typedef {object} ChainSettings The part `chain` of `settings.json`.
 * @property {string[]} labels The labels of entities.
 * @property {number[]} labelOf The label of each tag, -1 for `O`.
 * @property {number} edge The tag that stands before and after a text.
 * @property {(number | null)[][]} scores Of each tag before each other one; null if forbidden.
 * @property {(0 | 1)[][]} begins Whether an entity begins at the second tag of a pair.
 * @property {(0 | 1)[][]} continues Whether both tags belong to the same entity.
 *
 * @typedef {{start: number, end: number, label: string, score: number}} Span A range of words.
 */

const NEVER = -Infinity;

/** The tags of a model, the pairs of them that are possible, and what the pairs mean. */
export class Chain {
  /** @param {ChainSettings} settings */
  constructor({ labels, labelOf, edge, scores, begins, continues }) {
    this.labels = labels;
    this.labelOf = labelOf;
    this.edge = edge;
    this.scores = scores.map((row) => row.map((score) => score ?? NEVER));
    const where = (table) =>
      this.scores.map((row, from) => row.map((score, to) => (table(from, to) ? score : NEVER)));
    /** The scores of the pairs at which an entity begins, continues and ends; others are NEVER. */
    this.beginning = where((from, to) => begins[from][to]);
    this.continuing = where((from, to) => continues[from][to]);
    this.ending = where((from, to) => !continues[from][to]);
    this.begins = begins;
    this.continues = continues;
  }

  /**
   * The entities of the most probable sequence of tags.
   *
   * @param {number[][]} logits Of each word, one number a tag.
   * @returns {Span[]}
   */
  entities(logits) {
    if (logits.length === 0) return [];
    const words = logits.map((row) => this.#margins(row));
    const tags = this.#bestTags(words);
    const spans = this.#spans(tags);
    if (spans.length === 0) return [];
    const alpha = this.#forward(words),
      beta = this.#backward(words);
    const all = logSum(alpha.at(-1).map((weight, tag) => weight + this.scores[tag][this.edge]));
    return spans.map(({ start, end, label }) => {
      const weight = this.#spanWeight(words, alpha, beta, start, end, label);
      const score = Math.min(1, Math.exp(weight - all));
      return { start, end, label: this.labels[label], score };
    });
  }

  /** Logits minus the best one. The edge of a text may have a tag of its own, which no word has. */
  #margins(row) {
    const best = Math.max(...row);
    return this.scores.map((_, tag) => (tag < row.length ? row[tag] - best : NEVER));
  }

  /** Viterbi's algorithm: the best score of each word's tags, with the way that leads there. */
  #bestTags(words) {
    const ways = [];
    let scores = this.scores[this.edge].map((score, tag) => score + words[0][tag]);
    for (const word of words.slice(1)) {
      const way = word.map((_, to) =>
        argMax(scores, (score, from) => score + this.scores[from][to]),
      );
      scores = way.map((from, to) => scores[from] + this.scores[from][to] + word[to]);
      ways.push(way);
    }
    const tags = [argMax(scores, (score, tag) => score + this.scores[tag][this.edge])];
    for (const way of ways.reverse()) tags.push(way[tags.at(-1)]);
    return tags.reverse();
  }

  /** The entities of a sequence of tags, as ranges of words with the numbers of their labels. */
  #spans(tags) {
    const spans = [];
    let before = this.edge;
    tags.forEach((tag, word) => {
      if (this.begins[before][tag]) {
        spans.push({ start: word, end: word + 1, label: this.labelOf[tag] });
      } else if (this.continues[before][tag] && spans.at(-1)?.end === word) {
        spans.at(-1).end = word + 1;
      }
      before = tag;
    });
    return spans;
  }

  /** For each word and tag the log-weight of all sequences up to it, the word included. */
  #forward(words) {
    const alpha = [];
    let weights = this.scores[this.edge];
    for (const word of words) {
      const row = add(weights, word);
      alpha.push(row);
      weights = this.#step(row, this.scores);
    }
    return alpha;
  }

  /** For each word and tag the log-weight of all sequences from it on, the word included. */
  #backward(words) {
    const beta = [];
    let weights = this.scores.map((row) => row[this.edge]);
    for (const word of [...words].reverse()) {
      const row = add(weights, word);
      beta.push(row);
      weights = this.scores.map((scores) => logSum(add(scores, row)));
    }
    return beta.reverse();
  }

  /** The log-weight of all sequences in which the words `start` to `end` are exactly this entity. */
  #spanWeight(words, alpha, beta, start, end, label) {
    const edge = words[0].map((_, tag) => (tag === this.edge ? 0 : NEVER));
    const own = (row) => row.map((weight, tag) => (this.labelOf[tag] === label ? weight : NEVER));
    const before = start > 0 ? alpha[start - 1] : edge;
    let weights = own(add(this.#step(before, this.beginning), words[start]));
    for (let word = start + 1; word < end; word += 1) {
      weights = own(add(this.#step(weights, this.continuing), words[word]));
    }
    const after = end < words.length ? beta[end] : edge;
    return logSum(add(this.#step(weights, this.ending), after));
  }

  /** For each tag the log-weight of all ways to it from tags with these weights. */
  #step(weights, scores) {
    return weights.map((_, to) => logSum(weights.map((weight, from) => weight + scores[from][to])));
  }
}

const add = (left, right) => left.map((value, index) => value + right[index]);

/** log Σ exp(weights) */
function logSum(weights) {
  const top = Math.max(...weights);
  if (top === NEVER) return NEVER;
  return top + Math.log(weights.reduce((sum, weight) => sum + Math.exp(weight - top), 0));
}

/** The index of the largest of some numbers, the first of equals. */
function argMax(values, of) {
  return values.reduce(
    (best, value, index) => (of(value, index) > of(values[best], best) ? index : best),
    0,
  );
}
