// Opens report pages in headless Chromium as a reader would: node check_report.mjs SCREENSHOT_FOLDER PAGE...
// Ends with an error where a page is wider than its window, asks for anything else, has a script, or draws one label over another.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [screenshots, ...files] = process.argv.slice(2);
if (files.length === 0) {
  console.error('usage: check_report.mjs SCREENSHOT_FOLDER PAGE...');
  process.exit(2);
}

const profile = await mkdtemp(path.join(os.tmpdir(), 'airbench-report-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const problems = [];
try {
  await mkdir(screenshots, { recursive: true });
  const page = await browser.newPage();
  for (const file of files) {
    const url = pathToFileURL(file).href;
    const name = path.basename(file, '.html');
    page.removeAllListeners();
    page.on('request', (request) => !request.url().startsWith('data:') && request.url() !== url && problems.push(`${name}: asked ${request.url()}`));
    page.on('console', (message) => message.type() === 'error' && problems.push(`${name}: ${message.text()}`));
    for (const width of [400, 1400]) {
      for (const colorScheme of ['light', 'dark']) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        await page.goto(url);
        const found = await page.evaluate(() => {
          const said = [];
          const over = document.documentElement.scrollWidth - window.innerWidth;
          if (over > 0) said.push(`is ${over} pixels wider than its window`);
          if (document.scripts.length > 0) said.push('has a script');
          for (const svg of document.querySelectorAll('svg')) {
            // Boxes of turned labels overlap where the labels do not.
            const labels = [...svg.querySelectorAll('text:not([transform])')].map((text) => ({ text, box: text.getBoundingClientRect() }));
            const frame = svg.getBoundingClientRect();
            labels.forEach(({ text, box }, i) => {
              if (box.left < frame.left - 1 || box.right > frame.right + 1) said.push(`'${text.textContent}' sticks out of its chart`);
              for (const other of labels.slice(i + 1)) {
                const wide = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
                const high = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
                if (wide > 1 && high > 3) said.push(`'${text.textContent}' and '${other.text.textContent}' overlap`);
              }
            });
          }
          return said;
        });
        found.forEach((sentence) => problems.push(`${name} at ${width} pixels, ${colorScheme}: ${sentence}`));
        await page.screenshot({ path: path.join(screenshots, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      }
    }
  }
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
problems.forEach((problem) => console.error(problem));
process.exit(problems.length === 0 ? 0 : 1);
