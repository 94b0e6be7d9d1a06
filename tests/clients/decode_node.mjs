// What the JavaScript sample of a bundle makes of image files: node decode_node.mjs BUNDLE SIZE FILE...
// Prints a line of JSON for each file: its pixels as the model takes them, planar RGB in base64, by crop, pad and stretch one after the other, or why it is refused.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const [bundle, size, ...files] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(path.resolve(bundle, file)));
const { decode } = await load('samples/javascript/images.mjs');
const { fit } = await load('web/preprocess.mjs');
for (const file of files) {
  const answer = { file };
  try {
    const { data, width, height } = await decode(await readFile(file));
    answer.pixels = Buffer.concat(['crop', 'pad', 'stretch'].map((how) => fit(data, width, height, Number(size), how))).toString('base64');
  } catch (error) {
    answer.error = error.message;
  }
  console.log(JSON.stringify(answer));
}
