// Tags texts with the folder for the web, in Node: its JavaScript and onnxruntime-web's WebAssembly.
//
//     node run.mjs FOLDER PACKAGES < texts.json > results.json
//
// PACKAGES is a folder node_modules. Results are the entities of each text, and times.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, packages] = process.argv.slice(2).map((each) => pathToFileURL(`${each}/`));
const texts = JSON.parse(readFileSync(0, "utf8"));
const { Tagger } = await import(new URL("nerine/tagger.js", folder));
const runtime = await import(new URL("onnxruntime-web/dist/ort.node.min.mjs", packages));

const begin = performance.now();
const tagger = await Tagger.load(folder, { runtime });
await tagger.tag("Mira Okonjo left.");
const first = performance.now() - begin;
const results = await tagger.tagAll(texts);
const seconds = (performance.now() - begin - first) / 1000;
process.stdout.write(
  JSON.stringify({ entities: results.map(({ entities }) => entities), first, seconds }),
);
