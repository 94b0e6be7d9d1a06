// Teaches a bundle's page new classes in headless Chromium, as a visitor would: node check_teach.mjs BUNDLE IMAGES DOWNLOAD [SCREENSHOT_FOLDER]
// IMAGES/<class>/learn/* are what it learns, IMAGES/<class>/test/* what it has never seen. The adapted model goes to the file DOWNLOAD, and
// is opened again in the page. Prints one JSON object: { right, count } by class, and the page's logits by test image, in the order of classes.
import { readFile, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { compare } from './bundle.mjs';
import { ask, drop, mustFit, mustSay, visit } from './page.mjs';

const [folder, images, target, screenshots] = process.argv.slice(2);
if (!target) {
  console.error('usage: check_teach.mjs BUNDLE IMAGES DOWNLOAD [SCREENSHOT_FOLDER]');
  process.exit(2);
}
const files = async (...parts) => (await readdir(path.join(images, ...parts))).sort().map((name) => path.join(images, ...parts, name));

const withContent = (list) => Promise.all(list.map(async (file) => [path.basename(file), await readFile(file)]));

process.exit(await visit('teach it', folder, screenshots, async ({ page, open, shoot }) => {
  const classes = (await readdir(images)).sort();
  const waitFor = (name, value) => page.waitForFunction(([key, n]) => Number(document.body.dataset[key] ?? 0) === n, [name, value]);
  await page.setViewportSize({ width: 1200, height: 900 });
  await open('');
  await shoot('teach-empty');
  const titleBefore = await page.textContent('#title');

  // A picture from the camera, and out with it again.
  const first = page.locator('.lesson').first();
  await first.locator('.film').click();
  await first.locator('.take').click();
  await waitFor('taken', 1);
  await shoot('teach-camera');
  await first.locator('.film').click();
  await first.locator('.thumb').click();

  let taken = 0;
  for (const [i, name] of classes.entries()) {
    if (i > 1) await page.click('#add-class');
    const lesson = page.locator('.lesson').nth(i);
    await lesson.locator('.label').fill(name);
    const learn = await files(name, 'learn');
    if (i % 2 === 0) await lesson.locator('.files').setInputFiles(learn);
    else await drop(lesson, await withContent(learn));
    await waitFor('taken', taken += learn.length);
  }
  // Of several files the good ones are taken, and the others named.
  const extra = page.locator('.lesson').first();
  const [one] = await withContent((await files(classes[0], 'learn')).slice(0, 1));
  await drop(extra, [['text.png', Buffer.from('no image')], one]);
  await waitFor('taken', taken + 1);
  await mustSay(page, '#problem', /^1 of 2 images left out:\ntext\.png is no image that is read/);
  await extra.locator('.thumb').last().click();

  // The image on the page stays through the training, and its answer becomes that of the new model.
  const [asked] = await files(classes[0], 'test');
  const original = await ask(page, asked);
  const refreshed = () => page.waitForFunction((shown) => document.body.dataset.shown !== shown, shownBefore);
  let shownBefore = await page.evaluate(() => document.body.dataset.shown);
  await shoot('teach-images');
  await page.click('#learn');
  await waitFor('taught', 1);
  await refreshed();
  if (await page.locator('#image').isHidden()) throw new Error('the image went with the training');
  const names = await page.$$eval('#classes .name', (nodes) => nodes.map((node) => node.textContent));
  if (!classes.includes(names[0]) || names.length !== classes.length) throw new Error(`the answer is still that of the original: ${names}`);
  await shoot('teach-learned');

  const logits = {};
  const right = {};
  for (const name of classes) {
    const test = await files(name, 'test');
    right[name] = { right: 0, count: test.length };
    for (const file of test) {
      const answer = await ask(page, file);
      right[name].right += answer[0][0] === name ? 1 : 0;
      logits[file] = classes.map((c) => answer.find(([shown]) => shown === c)[2]);
    }
  }
  await shoot('teach-wide');
  await page.setViewportSize({ width: 400, height: 860 });
  await shoot('teach-narrow');
  await mustFit(page);

  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  await download.saveAs(`${target}.part`);
  await rename(`${target}.part`, target);
  shownBefore = await page.evaluate(() => document.body.dataset.shown);
  await page.click('#original');
  await refreshed();
  if ((await page.textContent('#title')) !== titleBefore) throw new Error('the original model is not back');
  const last = await ask(page, asked);
  compare(`${asked}: the original model's probabilities, again`, last.map(([, p]) => p), original.map(([, p]) => p));
  await page.setInputFiles('#open', Object.keys(logits)[0]);
  await page.waitForFunction(() => document.getElementById('problem').textContent.includes('not an ONNX file'));
  shownBefore = await page.evaluate(() => document.body.dataset.shown);
  await page.setInputFiles('#open', target);
  await waitFor('loaded', 1);
  await refreshed();
  for (const file of Object.keys(logits).slice(0, 3)) {
    const answer = await ask(page, file);
    compare(`${file}: logits of the model opened again`, classes.map((c) => answer.find(([shown]) => shown === c)[2]), logits[file]);
  }
  return JSON.stringify({ right, logits });
}));
