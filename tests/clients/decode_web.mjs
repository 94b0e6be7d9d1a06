// What the page of a bundle makes of image files in headless Chromium: node decode_web.mjs BUNDLE SIZE FILE...
// Prints a line of JSON for each file: its pixels as the model takes them, planar RGB in base64, by crop, pad and stretch one after the other, or why it is refused.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { visit } from './page.mjs';

const [folder, size, ...files] = process.argv.slice(2);
process.exit(await visit('decode', folder, undefined, async ({ page, open }) => {
  await open('');
  const lines = [];
  for (const file of files) {
    const answer = await page.evaluate(async ([name, base64, image_size]) => {
      const { look } = await import('./images.mjs');
      const metadata = { ...(await (await fetch('../metadata.json')).json()), image_size };
      try {
        const image = new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name);
        const fitted = [];
        for (const fit of ['crop', 'pad', 'stretch']) fitted.push(...(await look(image, { ...metadata, fit })).pixels);
        return { pixels: btoa(String.fromCharCode(...fitted)) };
      } catch (error) {
        return { error: error.message };
      }
    }, [path.basename(file), (await readFile(file)).toString('base64'), Number(size)]);
    lines.push(JSON.stringify({ file, ...answer }));
  }
  return lines.join('\n');
}));
