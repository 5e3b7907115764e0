import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Headless, as root in a container, and quiet: nothing leaves the machine. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Is there a browser to test in? */
export const hasBrowser = existsSync(executablePath);
/** For the title of what is skipped without one; empty when there is one. */
export const browserNeeds = hasBrowser
  ? ''
  : ' (skipped: install chromium, or set CHROMIUM to its path)';

/** A page that is open in a browser of its own. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
}

/**
 * Serves scripts on a free port and opens the page that runs `page.js` of them, in headless Chromium.
 * `state` is the page's global `dshackle` before it runs.
 */
export async function openPage(
  scripts: ReadonlyMap<string, string>,
  state: object,
): Promise<OpenPage> {
  const server = createServer(({ url = '/' }, response) => {
    const script = scripts.get(url.slice(1));
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
    response.end(script ?? '<!doctype html><script type="module" src="/page.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let browser: Browser | undefined;
  const close = async (): Promise<void> => {
    await browser?.close();
    server.close();
  };
  try {
    browser = await chromium.launch({ executablePath, args });
    const page = await browser.newPage();
    await page.addInitScript((given) => {
      Object.assign(globalThis, { dshackle: given });
    }, state);
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return { page, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
