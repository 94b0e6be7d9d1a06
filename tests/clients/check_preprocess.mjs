// The page's preprocessing on raw pixels: node check_preprocess.mjs MODULE WIDTH HEIGHT SIZE < RGBA > PLANAR_RGB
import { pathToFileURL } from 'node:url';
import process from 'node:process';

const [module, ...numbers] = process.argv.slice(2);
const [width, height, size] = numbers.map(Number);
const { fit } = await import(pathToFileURL(module));
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
process.stdout.write(fit(Buffer.concat(chunks), width, height, size, 'crop'));
