// Uses a bundle's page in headless Chromium, as a visitor would: node check_web.mjs BUNDLE [SCREENSHOT_FOLDER]
// Ends with an error unless the page shows the classes and probabilities of test_data_set_0 for the bundle's sample images, and asked
// nobody else for anything.
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import * as ort from 'onnxruntime-node';
import { compare, inputOf, readBundle } from './bundle.mjs';
import { ask, drop, mustFit, mustSay, visit } from './page.mjs';

const [folder, screenshots] = process.argv.slice(2);
if (!folder) {
  console.error('usage: check_web.mjs BUNDLE [SCREENSHOT_FOLDER]');
  process.exit(2);
}
process.exit(await visit('onnxruntime-web', folder, screenshots, async ({ page, open, shoot, failing }) => {
  const { metadata, input, outputs } = await readBundle(folder);
  const probabilities = outputs.find((output) => output.name === 'probabilities').data;
  const classes = metadata.classes.length;
  const images = (await readdir(path.join(folder, 'samples/images'))).sort();
  const check = async (image, row) => {
    const found = await ask(page, path.join(folder, 'samples/images', image));
    const best = [...row.entries()].sort((a, b) => b[1] - a[1]).slice(0, found.length);
    compare(`${image}: probabilities`, found.map(([, p]) => p), best.map(([, p]) => p));
    found.forEach(([name, p]) => compare(`${image}: '${name}'`, [p], [row[metadata.classes.indexOf(name)]]));
  };

  // Models with views inside, one image a call: what onnxruntime-node gives for it, which check_node.mjs compares with the views one by one.
  const voting = Object.entries(metadata.variants).filter(([, variant]) => variant.tta !== 'none' && variant.votes_of === 'fp32');
  for (const [name, variant] of voting) {
    await open(`?model=${name}`);
    const session = await ort.InferenceSession.create(path.join(folder, variant.file));
    const size = input.bytes.length / input.dims[0];
    for (const [i, image] of images.entries()) {
      const bytes = input.bytes.slice(i * size, (i + 1) * size);
      const tensor = { ...input, bytes, data: input.type === 1 ? new Float32Array(bytes.buffer) : undefined, dims: [1, ...input.dims.slice(1)] };
      const answer = await session.run({ [input.name]: new ort.Tensor(...inputOf(tensor)) }, ['probabilities']);
      await check(image, answer.probabilities.data);
    }
    console.log(`onnxruntime-web: ${variant.file}: ${images.length} images through the page as in onnxruntime-node`);
  }

  await open('');
  await shoot('empty');
  for (const [i, image] of images.entries()) await check(image, probabilities.subarray(i * classes, (i + 1) * classes));
  await shoot('light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shoot('dark');
  await page.setViewportSize({ width: 390, height: 844 });
  await shoot('phone-dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await shoot('phone');
  await mustFit(page);

  // A file that is refused leaves the last answer as it is; of several the first is shown; all of it is said.
  const answer = await page.textContent('#classes');
  const [name] = images;
  const png = await readFile(path.join(folder, 'samples/images', name));
  await page.setInputFiles('#file', { name: 'half.png', mimeType: 'image/png', buffer: png.subarray(0, png.length / 2) });
  await page.waitForSelector('#problem:not([hidden])');
  await mustSay(page, '#problem', /^half\.png is a PNG file that ends too early$/);
  if ((await page.textContent('#classes')) !== answer) throw new Error('the answer went with a file that is refused');
  await drop(page.locator('#drop'), [[name, png], ['other.png', png]]);
  await page.waitForFunction(() => /^Only/.test(document.getElementById('problem').textContent));
  await mustSay(page, '#problem', /the first of 2 files/);
  await drop(page.locator('#drop'), []);
  await page.waitForFunction(() => /no image file/.test(document.getElementById('problem').textContent));
  await shoot('refused');

  const before = await page.evaluate(() => document.body.dataset.shown);
  await page.click('#camera');
  await page.waitForFunction((shown) => Number(document.body.dataset.shown) > Number(shown) + 1, before);
  await page.click('#camera');
  if (await page.locator('#hint').isHidden()) throw new Error('nothing is in the place of the camera');

  // Each model with the number of its own.
  for (const [variant, { score }] of Object.entries(metadata.variants)) {
    await open(`?model=${variant}`);
    const { accuracy, count } = score ?? (variant === 'fp32' && metadata.accuracy ? { accuracy: metadata.accuracy.plain.accuracy, count: metadata.accuracy.count } : {});
    const expected = count ? `${(100 * accuracy).toFixed(1)}% of ${count.toLocaleString('en')} test images correct` : 'its accuracy was not measured';
    if (!(await page.innerText('#about')).endsWith(expected)) throw new Error(`${variant}: the page says '${await page.innerText('#about')}'; expected ${expected}`);
  }

  // Where it cannot start, it says why.
  const reasons = [
    [/opened as a file.*http:\/\/localhost/, pathToFileURL(path.resolve(folder, 'web/index.html')).href],
    [/app\.mjs or a module that it needs cannot be loaded/, '/web/', (other) => other.route('**/png.mjs', (route) => route.fulfill({ status: 404 }))],
    [/text\/javascript/, '/web/', (other) => other.route('**/app.mjs', (route) => route.fulfill({ contentType: 'text/plain', body: '' }))],
    [/metadata\.json.*404/, '/web/', (other) => other.route('**/metadata.json', (route) => route.fulfill({ status: 404 }))],
    [/onnxruntime-web is not beside this page/, '/web/', (other) => other.route('**/ort.wasm.min.mjs', (route) => route.fulfill({ status: 404 }))],
    [/no model 'constructor' here, only fp32/, '/web/?model=constructor'],
  ];
  for (const [pattern, url, prepare] of reasons) {
    const text = await failing(url, prepare);
    if (!pattern.test(text)) throw new Error(`${url}: the page says '${text}'; expected ${pattern}`);
  }
  return `onnxruntime-web: ${images.length} of ${input.dims[0]} images through the page and camera frames, top classes as in test_data_set_0`;
}));
