// Uses a bundle's page in headless Chromium, as a visitor would: node check_web.mjs BUNDLE [SCREENSHOT_FOLDER]
// Ends with an error unless the page shows the classes and probabilities of test_data_set_0 for the bundle's sample images, and asked
// nobody else for anything.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { compare, readBundle } from './bundle.mjs';
import { ask, mustFit, visit } from './page.mjs';

const [folder, screenshots] = process.argv.slice(2);
if (!folder) {
  console.error('usage: check_web.mjs BUNDLE [SCREENSHOT_FOLDER]');
  process.exit(2);
}
process.exit(await visit('onnxruntime-web', folder, screenshots, async ({ page, shoot }) => {
  const { metadata, input, outputs } = await readBundle(folder);
  const probabilities = outputs.find((output) => output.name === 'probabilities').data;
  const classes = metadata.classes.length;
  await shoot('empty');

  const images = (await readdir(path.join(folder, 'samples/images'))).sort();
  for (const [i, image] of images.entries()) {
    const found = await ask(page, path.join(folder, 'samples/images', image));
    const row = probabilities.subarray(i * classes, (i + 1) * classes);
    const best = [...row.entries()].sort((a, b) => b[1] - a[1]).slice(0, found.length);
    compare(`${image}: probabilities`, found.map(([, p]) => p), best.map(([, p]) => p));
    found.forEach(([name, p]) => compare(`${image}: '${name}'`, [p], [row[metadata.classes.indexOf(name)]]));
  }
  await shoot('light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shoot('dark');
  await page.setViewportSize({ width: 390, height: 844 });
  await shoot('phone-dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await shoot('phone');
  await mustFit(page);

  const before = await page.evaluate(() => document.body.dataset.shown);
  await page.click('#camera');
  await page.waitForFunction((shown) => Number(document.body.dataset.shown) > Number(shown) + 1, before);
  await page.click('#camera');
  return `onnxruntime-web: ${images.length} of ${input.dims[0]} images through the page and camera frames, top classes as in test_data_set_0`;
}));
