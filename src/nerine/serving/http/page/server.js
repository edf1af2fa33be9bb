// The server: its three contracts that the page uses, its refusals, and waiting where it asks to.

const MOST_TRIES = 6;
const LONGEST_WAIT = 30;

/** A refusal of the server, or of the way to it (status 0). */
export class Refusal extends Error {
  constructor(status, body = {}) {
    super(String(body.error ?? `The server answered with status ${status}.`));
    this.status = status;
    this.details = ["expected", "place", "hint", "request_id"]
      .filter((name) => body[name] != null)
      .map((name) => [name, String(body[name])]);
  }
}

export class Server {
  #base;
  #key = null;

  constructor(base) {
    this.#base = base;
  }

  /** The API key of the following requests; it is kept nowhere else. */
  set key(key) {
    this.#key = key || null;
  }

  /** The models, the limits and the version of the server. */
  info() {
    return this.#ask("info", {});
  }

  /** The steps from a text to its entities. */
  explain(text, model, signal) {
    return this.#ask("explain", { body: { text, model, thresholds: 0 }, signal });
  }

  /**
   * The results of documents, in order: entities and words in UTF-16 code units, or an error.
   *
   * Every entity of the best sequence is asked for: the page drops those below its thresholds.
   * `waiting` is called with the seconds before another try, where the server is busy.
   */
  async tag(documents, model, { signal, waiting } = {}) {
    const body = {
      documents,
      model,
      thresholds: 0,
      offset_unit: "utf-16",
      scores: true,
      words: true,
    };
    const answer = await this.#ask("tag", { body, signal, waiting });
    if (!Array.isArray(answer.documents) || answer.documents.length !== documents.length) {
      throw new Refusal(502, { error: "The answer has another number of documents." });
    }
    return answer.documents.map((each) => ({
      error: each.error == null ? null : new Refusal(0, { ...each, place: null }),
      entities: each.entities ?? [],
      words: each.words ?? null,
    }));
  }

  async #ask(path, { body, signal, waiting }) {
    for (let tries = 1; ; tries += 1) {
      const { response, answer } = await this.#send(path, body, signal);
      if (response.ok && answer) return answer;
      const seconds = Number(response.headers.get("Retry-After") ?? NaN);
      const isBusy = response.status === 429 || response.status === 503;
      if (!isBusy || !waiting || !(seconds >= 0) || tries === MOST_TRIES) {
        throw new Refusal(response.status, answer ?? {});
      }
      await this.#wait(Math.min(seconds, LONGEST_WAIT), signal, waiting);
    }
  }

  async #send(path, body, signal) {
    const headers = { Accept: "application/json" };
    if (body) headers["Content-Type"] = "application/json";
    // not `Authorization`, which a proxy with passwords of its own may need
    if (this.#key) headers["X-Api-Key"] = this.#key;
    let response;
    try {
      response = await fetch(new URL(path, this.#base), {
        method: body ? "POST" : "GET",
        body: body && JSON.stringify(body),
        headers,
        signal,
        redirect: "error",
        cache: "no-store",
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Refusal(0, {
        error: "The server cannot be reached.",
        hint: "see whether it runs and the network is up, and try again",
      });
    }
    try {
      return { response, answer: await response.json() };
    } catch (error) {
      if (signal?.aborted) throw error;
      return { response, answer: null };
    }
  }

  #wait(seconds, signal, waiting) {
    waiting(seconds);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, seconds * 1000);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
  }
}
