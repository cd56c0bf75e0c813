// Holds the documentation site to its promises: every link leads somewhere, the references are complete, and a browser reads it from a disk
// without any other call, in dark and light, on phone and desktop, and finds things in it.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Page } from 'playwright-core';
import { API } from 'typescript/unstable/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  ConsentAction,
  DEFAULT_DISCOVERY_PREFIX,
  DEFAULT_PREFIX,
  discoveryTopics,
  HomeAssistantOrder,
  HomeAssistantState,
  topicsUnder,
} from '../../../device/contract/topics.ts';
import { ERRORS } from '../../../sim/errors.ts';
import { projectFiles, root, sources } from '../../layout/source-tree.ts';
import { axeFaults } from '../../support/axe-faults.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { keptBrowser, LOOKS } from '../../support/kept-page.ts';
import { packageFolders } from '../../support/own-packages.ts';

const folder = temporaryFolder('site');
const site = join(folder.path, 'site');
/** The pages' HTML by their places in the site. */
const pages = new Map<string, string>();

beforeAll(() => {
  execFileSync('npm', ['run', 'docs', '--', '--out', site], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  for (const entry of readdirSync(site, { recursive: true, encoding: 'utf8' }))
    if (entry.endsWith('.html')) pages.set(entry, readFileSync(join(site, entry), 'utf8'));
}, 120_000);
afterAll(() => folder.dispose());

const htmlOf = (place: string) => pages.get(place) ?? expect.fail(`there is no page ${place}`);
const unescaped = (text: string) =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
const textOf = (html: string) => unescaped(html.replaceAll(/<a class="anchor".*?<\/a>|<[^>]*>/g, ''));
/** The texts of a page's headings of a level. */
const headings = (html: string, level: number) =>
  [...html.matchAll(new RegExp(`<h${level} id="[^"]*">(.*?)</h${level}>`, 'g'))].map(([, inner = '']) => textOf(inner));
const anchors = (html: string) => [...html.matchAll(/ id="([^"]*)"/g)].map(([, id = '']) => unescaped(id));

/** Links to a file or an anchor that is not there. `isThere`: whether the site has a file. */
function deadLinks(html: ReadonlyMap<string, string>, isThere: (place: string) => boolean): string[] {
  const known = new Map([...html].map(([place, text]) => [place, new Set(anchors(text))]));
  return [...html].flatMap(([place, text]) =>
    [...text.matchAll(/ (?:href|src|srcset)="([^"]*)"/g)].flatMap(([, link = '']) => {
      if (/^(https?|mailto):/.test(link)) return [];
      const [path = '', anchor] = unescaped(link).split('#');
      const target = path === '' ? place : join(dirname(place), path);
      const isDead = !isThere(target) || (anchor !== undefined && !known.get(target)?.has(decodeURIComponent(anchor)));
      return isDead ? [`${place}: ${link}`] : [];
    }),
  );
}

describe('the documentation site', { tags: ['long'] }, () => {
  it('has no link to a file or an anchor that is not there, and no anchor twice', () => {
    const isThere = (place: string) => existsSync(join(site, place));
    expect(deadLinks(pages, isThere)).toEqual([]);
    const twice = [...pages].flatMap(([place, html]) =>
      anchors(html).flatMap((id, at, all) => (all.indexOf(id) === at ? [] : [`${place}#${id}`])),
    );
    expect(twice).toEqual([]);
    const planted = new Map([
      ['a/b.html', '<h1 id="x"></h1><a href="#y"></a><img src="../c.png"><a href="b.html#x"></a>'],
    ]);
    expect(deadLinks(planted, (place) => planted.has(place))).toEqual(['a/b.html: #y', 'a/b.html: ../c.png']);
  });

  it('has a page of every document, each with one heading at the top and in reach from the first', () => {
    const documents = projectFiles().filter((name) => name.endsWith('.md'));
    const texts = new Set([...pages.values()].map((html) => headings(html, 1).join()));
    const first = (name: string) => /^# (.+)$/m.exec(readFileSync(join(root, name), 'utf8'))?.[1] ?? '';
    expect(documents.filter((name) => !texts.has(first(name).replaceAll('`', '')))).toEqual([]);
    for (const [place, html] of pages) expect([place, headings(html, 1).length]).toEqual([place, 1]);
    const reached = new Set(['index.html']);
    for (const place of reached)
      for (const [, link = ''] of htmlOf(place).matchAll(/ href="([^"#:]+\.html)/g))
        reached.add(join(dirname(place), link));
    expect([...pages.keys()].filter((place) => !reached.has(place))).toEqual([]);
  });

  it('has every verb of docs/cli.md, which test/sim/cli/program holds equal to the programs', () => {
    const document = readFileSync(join(root, 'docs/cli.md'), 'utf8');
    const verbs = [...document.matchAll(/^## (doorsill.*)$/gm)].map(([, verb = '']) => verb);
    expect(verbs.length).toBeGreaterThan(60);
    expect(verbs.filter((verb) => !headings(htmlOf('cli.html'), 2).includes(verb))).toEqual([]);
  });

  it('has every route', () => {
    const routes = sources()
      .filter(({ name }) => /^(cloud-bridge|device\/console)\//.test(name))
      .flatMap(({ text }) => [...text.matchAll(/\bpath: '(\/[^']*)'/g)])
      .map(([, path = '']) => path.replaceAll(/:(\w+)/g, '{$1}'));
    expect(routes.length).toBeGreaterThan(100);
    const servers = ['bridge', 'registry', 'vault', 'doorbell'];
    const operations = servers.flatMap((name) => headings(htmlOf(`reference/http-${name}.html`), 2));
    const paths = new Set(operations.map((operation) => operation.split(' ')[1]));
    expect(routes.filter((route) => !paths.has(route))).toEqual([]);
    const documentSchema = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });
    const served = servers.flatMap((name) => {
      const text = readFileSync(join(site, `files/openapi/${name}.json`), 'utf8');
      return Object.entries(documentSchema.parse(JSON.parse(text)).paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
      );
    });
    expect(served.filter((operation) => !operations.includes(operation))).toEqual([]);
  });

  it('has every topic, each with an example that fits its schema', () => {
    const html = htmlOf('reference/mqtt.html');
    const topics = topicsUnder(DEFAULT_PREFIX);
    const device = '{device}';
    const all = [
      ...[topics.status, topics.state, topics.event, topics.request, topics.sighting].map((of) => of(device)),
      ...[topics.receipt, topics.upload, topics.command].map((of) => of(device)),
      ...HomeAssistantState.options.map((name) => topics.homeAssistantState(device, name)),
      ...HomeAssistantOrder.options.map((name) => topics.homeAssistantOrder(device, name)),
      ...ConsentAction.options.map((action) => topics.consent(device, '{request}', action)),
      ...[topics.areaRequests('{cell}', 1), topics.areaSearches('{cell}', 1), topics.revocations],
      ...[discoveryTopics.document(DEFAULT_DISCOVERY_PREFIX, device)],
      discoveryTopics.homeAssistantStatus(DEFAULT_DISCOVERY_PREFIX),
    ];
    expect(all.filter((topic) => !headings(html, 2).includes(topic))).toEqual([]);
    const schema = z.looseObject({ 'x-jws-claims': z.looseObject({}).optional(), payload: z.looseObject({}) });
    const messages = z.record(z.string(), schema.extend({ contentType: z.string() }));
    const api = z.looseObject({ channels: z.record(z.string(), z.looseObject({ messages })) });
    const { channels } = api.parse(JSON.parse(readFileSync(join(root, 'device/contract/asyncapi.json'), 'utf8')));
    for (const [name, channel] of Object.entries(channels)) {
      const section = html.split(` id="${name}"`)[1]?.split('<h2')[0] ?? '';
      const example = unescaped(/Example<\/p>\s*<pre[^>]*><code>(.*?)<\/code>/s.exec(section)?.[1] ?? '');
      const message = channel.messages[name] ?? expect.fail(`${name} has no message`);
      const value = message.contentType === 'text/plain' ? example : JSON.parse(example);
      const ajv = new Ajv2020({ strict: false, formats: {} });
      expect([name, ajv.validate(message['x-jws-claims'] ?? message.payload, value), ajv.errors]).toEqual([
        name,
        true,
        null,
      ]);
    }
  });

  it('has every error code', () => {
    const there = new Set(
      [...pages].filter(([place]) => place.endsWith('/errors.html')).flatMap(([, html]) => anchors(html)),
    );
    expect(Object.keys(ERRORS).filter((code) => !there.has(code))).toEqual([]);
  });

  it('has every name that a package exports, as the compiler tells', () => {
    const api = new API({ cwd: root });
    const config = join(root, 'tsconfig.json');
    const { checker, program } =
      api.updateSnapshot({ openProjects: [config] }).getProject(config) ?? expect.fail('no project');
    const exportsSchema = z.object({ exports: z.record(z.string(), z.unknown()).default({}) });
    const targetSchema = z.object({ source: z.string() });
    let count = 0;
    const missing = [...packageFolders(root)].flatMap(([name, place]) => {
      const { exports } = exportsSchema.parse(JSON.parse(readFileSync(join(root, place, 'package.json'), 'utf8')));
      return Object.entries(exports).flatMap(([path, target]) => {
        const of = targetSchema.safeParse(target);
        const source = of.success && program.getSourceFile(join(root, place, of.data.source));
        const module = source && checker.getSymbolAtLocation(source);
        if (!module) return [];
        const there = headings(htmlOf(`reference/packages/${`${name}${path.slice(1)}`.replace('@', '')}.html`), 2);
        const names = checker.getExportsOfModule(module).map((symbol) => symbol.name);
        count += names.length;
        return names.filter((one) => !there.includes(one)).map((one) => `${name}${path.slice(1)}: ${one}`);
      });
    });
    api.close();
    expect(missing).toEqual([]);
    expect(count).toBeGreaterThan(900);
  });
});

/** One page of each kind. */
const KINDS = [
  ...['index.html', 'reference/http-registry.html', 'reference/mqtt.html', 'notes/device/terminal/errors.html'],
  ...['reference/packages/doorsill/client.html', 'reference/packages/doorsill/base/index.html'],
];
/** In the page: leaves the first ten sections, which all others are made like. They are looked at whole in one look. */
const SHORTEN = `{
  const from = document.querySelectorAll('article > h2')[10];
  while (from && from.nextSibling) from.nextSibling.remove();
}`;

describe('the documentation site in a browser, from a disk', { tags: ['chromium', 'long'] }, () => {
  const { browser } = keptBrowser();
  const addressOf = (place: string) => pathToFileURL(join(site, place)).href;

  /** Opens pages by `go`. `faults`: errors on the console, and calls to anything but files. */
  async function open({ width, scheme }: (typeof LOOKS)[number]) {
    const context = await browser().newContext({ viewport: { width, height: 844 }, colorScheme: scheme });
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('console', (message) => {
      // Axe tries to read the style sheets again, which the policy forbids.
      const isAxes = /^Connecting to 'file:[^']*\.css' violates/.test(message.text());
      if (message.type() === 'error' && !isAxes) faults.push(`${page.url()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => faults.push(`${page.url()}: ${error.message}`));
    page.on('request', (asked) => asked.url().startsWith(pathToFileURL(site).href) || faults.push(asked.url()));
    return { page, faults, go: (place: string) => page.goto(addressOf(place)), close: () => context.close() };
  }

  const search = async (page: Page, words: string) => {
    await page.keyboard.press('/');
    await page.keyboard.type(words);
    await page.locator('.results li a').first().waitFor();
  };

  it.each(LOOKS)(
    'has no fault that axe sees, no call and no scrolling to the side: $width $scheme',
    async (look) => {
      const { page, faults, go, close } = await open(look);
      for (const place of KINDS) {
        await go(place);
        const beyond = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        if (look.width < 800 || look.scheme === 'dark') await page.evaluate(SHORTEN);
        const seen = await axeFaults(page);
        expect([place, beyond, seen]).toEqual([place, 0, []]);
      }
      await search(page, 'camera');
      expect(await axeFaults(page)).toEqual([]);
      if (look.width < 800) {
        await go('index.html');
        await page.locator('.menu-link').click();
        await page.locator('.sidebar:target a[aria-current]').waitFor();
        expect(await axeFaults(page)).toEqual([]);
      }
      await close();
      expect(faults).toEqual([]);
    },
    90_000,
  );

  it('sees a call that a page makes, and forbids it', async () => {
    const { page, faults, close } = await open({ width: 1280, scheme: 'light' });
    const [head = '', rest = ''] = htmlOf('index.html').split('<body>');
    writeFileSync(join(site, 'planted.html'), `${head}<body><img src="https://elsewhere.example/a.png" alt="">${rest}`);
    await page.goto(addressOf('planted.html'));
    await close();
    expect(faults.join()).toMatch(/elsewhere\.example.*Content Security Policy/s);
  });

  it('finds a verb, a route, a topic, a function, an error code and a misspelt word, and goes there', async () => {
    const { page, faults, go, close } = await open({ width: 1280, scheme: 'light' });
    await go('reference/http-bridge.html');
    await page.keyboard.press('/');
    const first = page.locator('.results li a').first();
    for (const [words, wanted] of [
      ['doorsill revoke', 'cli.html#doorsill-revoke'],
      ['POST /v1/recalls', 'reference/http-vault.html#post-v1recalls'],
      ['doorsill/v1/home/{device}/receipt', 'reference/mqtt.html#receipt'],
      ['startDoorbell', 'reference/packages/doorsill/client.html#startdoorbell'],
      ['client_nothing_came', 'notes/sim/errors.html#client_nothing_came'],
      ['raspbery', 'raspberry-pi.html#a-doorbell-on-a-raspberry-pi'],
    ] as const) {
      await page.locator('.search input').fill(words);
      await expect.poll(() => first.getAttribute('href')).toBe(`../${wanted}`);
    }
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${addressOf('raspberry-pi.html')}#a-doorbell-on-a-raspberry-pi`);
    await close();
    expect(faults).toEqual([]);
  });

  it('keeps the colours that a reader chose, until they are the system’s again', async () => {
    const { page, go, close } = await open({ width: 390, scheme: 'light' });
    const ground = () => page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    await go('index.html');
    const light = await ground();
    await page.locator('.theme').click();
    const dark = await ground();
    expect(dark).not.toBe(light);
    await go('qa.html');
    expect(await ground()).toBe(dark);
    await page.locator('picture img').scrollIntoViewIfNeeded();
    await expect.poll(() => page.evaluate("document.querySelector('picture img').currentSrc")).toMatch(/-dark\.png$/);
    await page.locator('.theme').click();
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(ground).toBe(dark);
    await close();
  });
});
