// A bundle's page in headless Chromium, as a visitor has it: a web server of its own serves the bundle as it lies, and onnxruntime-web
// where the page looks for it. Whatever the page complains of, and whomever else it asks, is in `problems`.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.mjs': 'text/javascript', '.json': 'application/json', '.wasm': 'application/wasm',
};
const PATIENCE = 300_000; // milliseconds: a guard against hanging, not a bound on speed
const ORT = fileURLToPath(new URL('node_modules/onnxruntime-web/dist/', import.meta.url));

/**
 * @param {string} name in front of errors
 * @param {string} folder the bundle
 * @param {string | undefined} screenshots where to put screenshots; undefined is nowhere
 * @param {(visit: { page, open, shoot, failing }) => Promise<string>} work opens the page, with a query or '', uses it, and returns what to print;
 *   failing(url, prepare) gives what the page says where it cannot start
 * @returns the exit code
 */
export async function visit(name, folder, screenshots, work) {
  const server = http.createServer(async (request, response) => {
    const asked = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    const file = asked.startsWith('/web/ort/') ? path.join(ORT, path.basename(asked)) : path.join(folder, asked.endsWith('/') ? `${asked}index.html` : asked);
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
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE);
    const problems = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('request', (request) => {
      if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(origin)) problems.push(`asked ${request.url()}`);
    });
    if (screenshots) await mkdir(screenshots, { recursive: true });
    const shoot = async (shot) => screenshots && page.screenshot({ path: path.join(screenshots, `${shot}.png`), fullPage: true });
    const open = async (query) => {
      await page.goto(`${origin}/web/${query}`);
      await page.waitForFunction(() => document.body.dataset.state);
      if ((await page.evaluate(() => document.body.dataset.state)) !== 'ready') throw new Error(await page.textContent('#problem'));
    };
    const failing = async (url, prepare) => {
      const other = await browser.newPage(); // whose errors in the console are as they should be
      await prepare?.(other);
      await other.goto(url.startsWith('/') ? `${origin}${url}` : url);
      await other.waitForFunction(() => document.body.dataset.state);
      const [state, text, about] = await other.evaluate(() => [document.body.dataset.state, document.getElementById('problem').innerText, document.getElementById('about').innerText]);
      if (state !== 'failed' || about !== '') throw new Error(`${url}: the page is ${state} and says '${about}'`);
      if (screenshots) await other.screenshot({ path: path.join(screenshots, 'failing.png') });
      await other.close();
      return text;
    };
    const said = await work({ page, open, shoot, failing });
    if (problems.length > 0) throw new Error(problems.join('\n'));
    console.log(said);
    return 0;
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    return 1;
  } finally {
    await browser.close();
    server.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/** Gives the page an image and waits for its answer: [class, probability, logit], likeliest first. */
export async function ask(page, file) {
  const shown = await page.evaluate(() => document.body.dataset.shown ?? '0');
  await page.setInputFiles('#file', file);
  await page.waitForFunction((before) => document.body.dataset.shown !== undefined && document.body.dataset.shown !== before, shown);
  return page.$$eval('#classes li', (items) => items.map((li) => [li.querySelector('.name').textContent, Number(li.dataset.probability), Number(li.dataset.logit)]));
}

/** Throws where the page is wider than the window. */
export async function mustFit(page) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (overflow > 0) throw new Error(`the page is ${overflow} pixels wider than the window`);
}

/** Throws unless the text of an element matches. */
export async function mustSay(page, selector, pattern) {
  const text = await page.locator(selector).innerText();
  if (!pattern.test(text)) throw new Error(`${selector} says '${text}'; expected ${pattern}`);
}

/** Files dropped on an element: [name, bytes]. */
export async function drop(element, files) {
  const dropped = files.map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]);
  await element.evaluate((node, items) => {
    const dataTransfer = new DataTransfer();
    for (const [name, base64] of items) {
      dataTransfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
    }
    node.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
  }, dropped);
}
