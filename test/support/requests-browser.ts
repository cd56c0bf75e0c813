// An owner's browser on the page "Requests" of a whole running testbed: paired by the drawn link, requests asked by the agency's own
// command, the signed orders that leave the browser, and what axe finds.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Locator, type Page, type Route } from 'playwright-core';
import { z } from 'zod';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { parseToken } from '../../device/contract/jws.ts';
import { Grant } from '../../device/contract/owner-orders.ts';
import type { VerifiedNotice } from '../../device/contract/read-request-notice.ts';
import type { Sealing } from '../../device/contract/sealing.ts';
import { agencyId, loadAgencyKey } from '../../sim/officer/agency-client.ts';
import { applyToRegistry, DEMO_AGENCY, decideAgency } from '../../sim/officer/registration.ts';
import { readTestbedFile, testbedPaths } from '../../sim/testbed/testbed-folder.ts';
import { soon } from '../device/console/support/console-rig.ts';
import { axeFaults } from './axe-faults.ts';
import { callCommand } from './call-command.ts';
import { RunningTestbed } from './running-testbed.ts';

const seams = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk() };
const PHONE = { width: 390, height: 844 };
const settingsSchema = z.looseObject({ console: z.looseObject({ port: z.int() }) });

export class RequestsBrowser {
  readonly testbed = new RunningTestbed('synthetic?size=640x360');
  /** Errors of the page, refusals by its Content-Security-Policy, calls to another origin. */
  readonly faults: string[] = [];
  /** Grants that the page has sent, in order, each as often as it was sent. */
  readonly grants: string[] = [];
  private readonly heard = new Map<string, VerifiedNotice>();
  private browser: Browser | null = null;
  private opened: { context: BrowserContext; page: Page; url: string } | null = null;

  async start(): Promise<void> {
    await this.testbed.start();
    this.testbed.session.listen({ notice: (notice) => this.heard.set(notice.request.jti, notice) });
    await this.testbed.footage(8_000_000);
    const settings = settingsSchema.parse(
      JSON.parse(readFileSync(join(this.testbed.data, 'doorbell/device.json'), 'utf8')),
    );
    this.browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
    const context = await this.browser.newContext({
      ...{ viewport: PHONE, locale: 'en-GB', timezoneId: 'UTC' },
      // A colour on its way to another is none that axe should measure.
      reducedMotion: 'reduce',
    });
    // What an address of the page's own stands for: the page itself may not fetch it (its Content-Security-Policy).
    await context.addInitScript(`
      globalThis.blobs = new Map();
      const make = URL.createObjectURL.bind(URL);
      URL.createObjectURL = (blob) => {
        const address = make(blob);
        globalThis.blobs.set(address, blob);
        return address;
      };
    `);
    const page = await context.newPage();
    this.opened = { context, page, url: `http://127.0.0.1:${settings.console.port}` };
    this.watch(page);
    await this.pair(page);
  }

  private async pair(page: Page): Promise<void> {
    const { pairingUrl } = z.object({ pairingUrl: z.string() }).parse(await this.say('pair', '--show'));
    await page.goto(pairingUrl);
    await page.locator('form button').click();
    await page.locator('.tabs').waitFor();
  }

  /** The page of another owner, who has heard of nothing yet. */
  async otherOwner(locale = 'en-GB'): Promise<Page> {
    if (!this.browser) throw new Error('no browser is open');
    const context = await this.browser.newContext({ viewport: PHONE, locale, timezoneId: 'UTC' });
    const page = await context.newPage();
    this.watch(page);
    await this.pair(page);
    return page;
  }

  async stop(): Promise<void> {
    await this.browser?.close();
    await this.testbed.stop();
    this.testbed.dispose();
  }

  /** The agency has its clips encrypted to this key from now on; null: no more. The registry approves, and the bridge learns of it. */
  async sealFor(sealing: Sealing | null): Promise<void> {
    const { data } = this.testbed;
    const registry = (await readTestbedFile(seams.disk, data))?.registry;
    if (!registry) throw new Error('the testbed has no registry');
    const { agency, registry: folder } = testbedPaths(data);
    const where = { registryUrl: registry.url, registry: registry.id, folder };
    const key = await loadAgencyKey(seams, agency);
    await applyToRegistry(seams, where, key, { ...DEMO_AGENCY, ...(sealing ? { sealing } : {}) });
    await decideAgency(seams.disk, where, agencyId(key), 'approve');
    // It would use the former credential for some minutes.
    await this.testbed.restarted('bridge', await this.testbed.signal('bridge', 'SIGKILL'));
    const answers = () => fetch(this.testbed.parts.bridge.url).then(() => true);
    await soon(() => answers().catch(() => false), 40_000);
  }

  get page(): Page {
    if (!this.opened) throw new Error('no page is open');
    return this.opened.page;
  }

  /** Another tab of the same browser. */
  async tab(): Promise<Page> {
    const page = await this.page.context().newPage();
    this.watch(page);
    return page;
  }

  /** Shows the list, or one request. */
  async open(request = '', page = this.page): Promise<void> {
    const { url } = this.opened ?? { url: '' };
    await page.goto(`${url}/#/requests${request === '' ? '' : `/${request}`}`);
    // A page that differs after `#` alone is not loaded again.
    await page.locator(request === '' ? '.requests' : '.request').waitFor({ timeout: 20_000 });
  }

  /** A command of the testbed; throws what it failed with. */
  async say(...words: string[]): Promise<Record<string, unknown>> {
    const { status, last, stderr } = await callCommand([...words, '--data', this.testbed.data, '--json']);
    if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr.slice(-600)}`);
    return last ?? {};
  }

  /** A request of the agency, once the doorbell lists it as waiting. */
  async ask(...words: string[]): Promise<string> {
    const { request, state } = z
      .object({ request: z.string(), state: z.string() })
      .parse(await this.say('agency', 'request', ...words));
    if (state === 'in_moderation') await this.say('bridge', 'moderate', 'approve', request);
    await soon(() => this.heard.has(request), 40_000);
    return request;
  }

  /** The last notice of a request, as the owner's session verified it. */
  noticeOf(request: string): VerifiedNotice {
    const notice = this.heard.get(request);
    if (!notice) throw new Error(`no notice of ${request} was heard`);
    return notice;
  }

  /** Opens a request and goes as far as the preview of what the page chooses by itself. */
  async preview(request: string, page = this.page): Promise<void> {
    await this.choose(request, page);
    await this.makePreview(page);
  }

  async choose(request: string, page = this.page): Promise<void> {
    await this.open(request, page);
    await page.getByRole('button', { name: 'Choose a clip' }).click();
    await this.settled(page);
  }

  async makePreview(page = this.page): Promise<void> {
    await page.getByRole('button', { name: 'Make the preview' }).click();
    await page.locator('video[data-sha256]').waitFor({ timeout: 60_000 });
  }

  /** SHA-256 of the bytes that the preview plays. */
  playedSha256(): Promise<string> {
    return this.page.evaluate<string>(`
      globalThis.blobs.get(document.querySelector('video[data-sha256]').src).arrayBuffer()
        .then((bytes) => crypto.subtle.digest('SHA-256', bytes))
        .then((hash) => [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join(''))
    `);
  }

  /** Waits until the handles are on frames and the picture shows one of them. */
  async settled(page = this.page): Promise<void> {
    await page.locator('.picture-still').waitFor({ timeout: 20_000 });
    let before = '';
    await soon(async () => {
      const handles = await page.locator('.trim-handle').evaluateAll((all) => all.map((one) => one.outerHTML).join());
      const now = `${handles} ${await this.main(page).isEnabled()}`;
      const isSame = now === before && now.endsWith('true');
      before = now;
      return isSame;
    }, 20_000);
  }

  /** The button that goes on to the next step. */
  main(page = this.page): Locator {
    return page.locator('.decide-row > .button-main');
  }

  /** Lets what the page sends to a path be answered by a test. */
  async intercept(path: string, answer: (route: Route) => Promise<void>): Promise<() => Promise<void>> {
    const context = this.page.context();
    let isOver = false;
    // One may be under way when the test has seen enough.
    const guarded = (route: Route) =>
      answer(route).catch((thrown: unknown) => {
        if (!isOver) throw thrown;
      });
    await context.route(`**${path}`, guarded);
    return () => {
      isOver = true;
      return context.unroute(`**${path}`, guarded);
    };
  }

  /** What axe finds wrong with the page at the widths of a phone and of a desktop. */
  async axe(page = this.page): Promise<string[]> {
    const found: string[] = [];
    for (const size of [PHONE, { width: 1280, height: 800 }]) {
      await page.setViewportSize(size);
      const faults = await axeFaults(page);
      found.push(...faults.map((fault: string) => `${size.width}: ${fault}`));
    }
    await page.setViewportSize(PHONE);
    return found;
  }

  private watch(page: Page): void {
    page.on('pageerror', (thrown) => this.faults.push(thrown.message));
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) this.faults.push(message.text());
    });
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (!/^(data|blob|ws):$/.test(protocol) && origin !== this.opened?.url)
        this.faults.push(`a call to ${request.url()}`);
      if (!request.url().endsWith('/api/v1/orders')) return;
      const order = z.looseObject({ kind: z.string(), token: z.string() }).safeParse(request.postDataJSON());
      if (order.success && order.data.kind === 'grant') this.grants.push(order.data.token);
    });
  }
}

/** What a grant that left the page says. */
export const grantClaimsOf = (token: string | undefined) => Grant.parse(parseToken(token ?? '')?.claims);
