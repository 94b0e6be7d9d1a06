// Uses a bundle's page in headless Chromium, as a visitor would: node check_web.mjs BUNDLE [SCREENSHOT_FOLDER]
// Its own web server serves the bundle as it lies, and onnxruntime-web where the page looks for it. Ends with an error unless the
// page shows the classes and probabilities of test_data_set_0 for the bundle's sample images, and asked nobody else for anything.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-node';
import { chromium } from 'playwright-core';
import { compare, inputOf, readBundle } from './bundle.mjs';

const TYPES = { '.html': 'text/html; charset=utf-8', '.mjs': 'text/javascript', '.json': 'application/json', '.wasm': 'application/wasm' };
const ORT = fileURLToPath(new URL('node_modules/onnxruntime-web/dist/', import.meta.url));
const [folder, screenshots] = process.argv.slice(2);
if (!folder) {
  console.error('usage: check_web.mjs BUNDLE [SCREENSHOT_FOLDER]');
  process.exit(2);
}

const server = http.createServer(async (request, response) => {
  const name = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
  const file = name.startsWith('/web/ort/') ? path.join(ORT, path.basename(name)) : path.join(folder, name.endsWith('/') ? `${name}index.html` : name);
  if (!existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream' }).end(await readFile(file));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const profile = await mkdtemp(path.join(os.tmpdir(), 'airbench-web-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  viewport: { width: 1000, height: 760 },
});
let status = 1;
try {
  const { metadata, input, outputs } = await readBundle(folder);
  const probabilities = outputs.find((output) => output.name === 'probabilities').data;
  const classes = metadata.classes.length;
  const page = await browser.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(origin)) problems.push(`asked ${request.url()}`);
  });
  const shoot = async (name) => screenshots && page.screenshot({ path: path.join(screenshots, `${name}.png`), fullPage: true });
  if (screenshots) await mkdir(screenshots, { recursive: true });

  const open = async (query) => {
    await page.goto(`${origin}/web/${query}`);
    await page.waitForFunction(() => document.body.dataset.state);
    if ((await page.evaluate(() => document.body.dataset.state)) !== 'ready') throw new Error(await page.textContent('#problem'));
  };
  const check = async (image, row) => {
    const shown = await page.evaluate(() => document.body.dataset.shown ?? '0');
    await page.setInputFiles('#file', path.join(folder, 'samples/images', image));
    await page.waitForFunction((before) => document.body.dataset.shown !== undefined && document.body.dataset.shown !== before, shown);
    const found = await page.$$eval('#classes li', (items) => items.map((li) => [li.querySelector('.name').textContent, Number(li.dataset.probability)]));
    const best = [...row.entries()].sort((a, b) => b[1] - a[1]).slice(0, found.length);
    compare(`${image}: probabilities`, found.map(([, p]) => p), best.map(([, p]) => p));
    found.forEach(([name, p]) => compare(`${image}: '${name}'`, [p], [row[metadata.classes.indexOf(name)]]));
  };

  const images = (await readdir(path.join(folder, 'samples/images'))).sort();
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
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (overflow > 0) throw new Error(`the page is ${overflow} pixels wider than a phone`);

  const before = await page.evaluate(() => document.body.dataset.shown);
  await page.click('#camera');
  await page.waitForFunction((shown) => Number(document.body.dataset.shown) > Number(shown) + 1, before);
  await page.click('#camera');
  if (problems.length > 0) throw new Error(problems.join('\n'));
  console.log(`onnxruntime-web: ${images.length} of ${input.dims[0]} images through the page and camera frames, top classes as in test_data_set_0`);
  status = 0;
} catch (error) {
  console.error(`onnxruntime-web: ${error.message}`);
} finally {
  await browser.close();
  server.close();
  await rm(profile, { recursive: true, force: true });
}
process.exit(status);
