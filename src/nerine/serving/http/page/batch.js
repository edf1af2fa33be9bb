// Many documents through the server: chunks of a request each, failures that stay with their text.

const MOST_TEXTS = 32;
const MOST_CHARACTERS = 500_000;
const AT_ONCE = 2;
const OF_A_TEXT = new Set([400, 413, 422, 424]);

/** Lists of the rows, each small enough for a request. */
function chunksOf(rows, limits) {
  const most = Math.min(MOST_TEXTS, limits.texts ?? MOST_TEXTS);
  const characters = Math.min(MOST_CHARACTERS, (limits.body ?? Infinity) / 8);
  const chunks = [];
  let size = Infinity;
  for (const row of rows) {
    size += row.document.text.length;
    if (size > characters || chunks.at(-1).length === most) {
      chunks.push([]);
      size = row.document.text.length;
    }
    chunks.at(-1).push(row);
  }
  return chunks;
}

/**
 * Tags the documents of rows and stores each result in its row.
 *
 * A request that is refused for what it holds is halved until the text at fault is alone, and the
 * refusal becomes that text's error. Any other refusal ends the run.
 *
 * @param rows objects with a `document`; `result` is set.
 * @param options `tag` sends documents, `limits` are the server's, `signal` ends the run, and
 *   `done` is called with rows that have results.
 */
export async function tagAll(rows, { tag, limits, signal, done }) {
  const chunks = chunksOf(rows, limits);
  const work = async () => {
    while (chunks.length && !signal.aborted) await tagChunk(chunks.shift(), { tag, done });
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    chunks.length = 0;
  }
}

async function tagChunk(rows, { tag, done }) {
  try {
    const results = await tag(rows.map(({ document: { text, tokens } }) => ({ text, tokens })));
    rows.forEach((row, index) => (row.result = results[index]));
    done(rows);
  } catch (error) {
    if (!OF_A_TEXT.has(error.status)) throw error;
    if (rows.length > 1) {
      const middle = rows.length >> 1;
      for (const half of [rows.slice(0, middle), rows.slice(middle)]) {
        await tagChunk(half, { tag, done });
      }
      return;
    }
    rows[0].result = { error, entities: [], words: null };
    done(rows);
  }
}
