// The testbed of the stories about agencies: real processes in a temporary folder, an owner, and methods that print each step, check every
// claim, and finally print what was proved.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Receipt } from '@doorsill/contract/home-messages';
import { exchangeJson } from '@doorsill/contract/json-client';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import type { Window } from '@doorsill/contract/shared-claims';
import { OwnerSession } from '@doorsill/device/owner/owner-session';
import { makeGrant, type Signer } from '@doorsill/device/owner/sign-owner-messages';
import { type Answerable, fetchNotices } from '@doorsill/device/terminal/owner-requests';
import { z } from 'zod';
import { type ErrorCode, failure, isFailure } from '../errors.ts';
import { type Ask, listClips, type RequestView, signFootageRequest } from '../officer/agency-client.ts';
import { adminBearer, type RegistryPlace } from '../officer/registration.ts';
import { DEMO_HOME, Testbed, type TestbedFacts, type TestbedOptions } from '../testbed/testbed.ts';
import { testbedPaths } from '../testbed/testbed-folder.ts';
import { demoAsk } from './demo-request.ts';
import { sendDecision } from './send-decision.ts';
import type { StoryDeps } from './story-deps.ts';

export interface StageOptions {
  name: string;
  logLevel: string;
  camera?: string;
  device?: TestbedOptions['device'];
}

const FOOTAGE_US = 3_000_000;
const PATIENCE_MS = 60_000;
const LOOK_AGAIN_MS = 200;

const feedSchema = z.object({
  items: z.array(z.object({ id: z.string(), _doorsill: z.object({ state: z.string() }) })),
});

/** A running testbed of a story. */
export class Stage {
  readonly testbed: Testbed;
  readonly facts: TestbedFacts;
  readonly deps: StoryDeps;
  readonly signal: AbortSignal;
  readonly session: OwnerSession;
  private readonly name: string;
  readonly folder: string;
  private readonly proved: string[] = [];
  private cases = 0;

  private constructor(
    name: string,
    testbed: Testbed,
    facts: TestbedFacts,
    session: OwnerSession,
    deps: StoryDeps,
    signal: AbortSignal,
  ) {
    this.name = name;
    this.facts = facts;
    this.testbed = testbed;
    this.folder = testbed.folder;
    this.session = session;
    this.deps = deps;
    this.signal = signal;
  }

  /** Runs a story on a testbed of its own, which is deleted afterwards. Throws the story's errors, and `story_failed`. */
  static async run(
    options: StageOptions,
    deps: StoryDeps,
    signal: AbortSignal,
    story: (stage: Stage) => Promise<void>,
  ): Promise<void> {
    const root = await mkdtemp(join(tmpdir(), 'doorsill-story-'));
    const folder = join(root, 'testbed');
    const testbed = new Testbed(
      {
        folder,
        kind: 'doorsill-demo',
        camera: options.camera ?? 'synthetic?size=320x180',
        logLevel: options.logLevel,
        ...(options.device ? { device: options.device } : {}),
      },
      { ...deps, say: (text) => deps.output.progress(text) },
    );
    let session: OwnerSession | null = null;
    const stop = () => void testbed.stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      deps.output.progress('Starting broker, registry, bridge and a doorbell ...');
      const facts = await testbed.start();
      session = new OwnerSession(facts.home, deps);
      await session.start();
      const stage = new Stage(options.name, testbed, facts, session, deps, signal);
      await story(stage);
      stage.end();
    } finally {
      signal.removeEventListener('abort', stop);
      await session?.stop();
      await testbed.stop();
      await rm(root, { recursive: true, force: true });
    }
  }

  /** Prints one step. */
  say(text: string, facts: object = {}): void {
    this.signal.throwIfAborted();
    this.deps.output.result({ event: 'step', text, ...facts }, `- ${text}`);
  }

  /** Records a claim as proved; throws `story_failed` when it is false. */
  prove(what: string, holds: boolean): void {
    if (!holds) throw failure('story_failed', { story: this.name, detail: what });
    this.proved.push(what);
    this.say(`  proved: ${what}`);
  }

  /** Proves that `work` is refused with exactly this code; prints the refusal's message. */
  async refused(what: string, code: ErrorCode, work: () => Promise<unknown>): Promise<void> {
    const thrown = await work().then(
      () => null,
      (error: unknown) => error,
    );
    const found = isFailure(thrown) ? thrown : null;
    if (thrown !== null && !found) throw thrown;
    if (found) this.say(`${what}: ${found.message} [${found.code}, HTTP ${found.http}]`, { code: found.code });
    this.prove(`${what} is refused with ${code}`, found?.code === code);
  }

  get registry(): RegistryPlace {
    const { registry } = this.facts;
    return { registryUrl: registry.url, registry: registry.id, folder: testbedPaths(this.folder).registry };
  }

  get bridge(): { id: string; url: string; folder: string } {
    return { ...this.facts.bridge, folder: testbedPaths(this.folder).bridge };
  }

  get signer(): Signer {
    return { key: this.facts.ownerKey, clock: this.deps.clock, random: this.deps.random };
  }

  /** Sends a GET to the bridge with a bearer token; returns its answer. */
  get(path: string, bearer: string): Promise<unknown> {
    return exchangeJson(this.bridge.url + path, { method: 'GET', bearer });
  }

  /** Calls the bridge as its operator. */
  async asOperator(method: 'GET' | 'POST', path: string, body: object = {}): Promise<unknown> {
    const bearer = await adminBearer(this.deps.disk, this.bridge.folder);
    return exchangeJson(this.bridge.url + path, { method, bearer, ...(method === 'POST' ? { body } : {}) });
  }

  /** Waits until the doorbell has recorded a few seconds; returns the last of them. */
  footage(): Promise<Window> {
    return this.session.waitFor<Window>(
      'the footage',
      PATIENCE_MS,
      (found) => ({
        state: ({ ring }) => {
          const last = ring.coverage.at(-1);
          if (last && last.endUs - last.startUs >= FOOTAGE_US)
            found({ startUs: last.endUs - FOOTAGE_US, endUs: last.endUs });
        },
      }),
      undefined,
      this.signal,
    );
  }

  /** A signed request of the demo agency around the demo home, not sent yet; each has its own case number. */
  ask(changes: Partial<Ask> = {}): { id: string; token: string } {
    const { clock } = this.deps;
    const nowUs = clock.wallUs();
    this.cases += 1;
    const asked = demoAsk(clock, DEMO_HOME.place, { startUs: nowUs, endUs: nowUs }, 'address-and-email');
    const ask = { ...asked, investigation: `${asked.investigation}-${this.cases}`, ...changes };
    return signFootageRequest(this.deps, this.facts.agencyKey, this.bridge.id, ask);
  }

  /** Posts a request and waits until the doorbell shows it to its owner. */
  notified(id: string, post: () => Promise<unknown>): Promise<VerifiedNotice> {
    return this.session.waitFor<VerifiedNotice>(
      'the request at the doorbell',
      PATIENCE_MS,
      (found) => ({ notice: (notice) => notice.request.jti === id && found(notice) }),
      post,
      this.signal,
    );
  }

  /** The owner grants a window; resolves with the device's receipt that the clip is at the bridge, or rejects with its refusal. */
  async grant(notice: Answerable, window: Window): Promise<Receipt> {
    return sendDecision(this.session, 'grant', makeGrant(this.signer, notice, { window }), PATIENCE_MS, ['sent']);
  }

  /** Resolves when the doorbell no longer lists a request as open. */
  async closedAtDoorbell(id: string): Promise<void> {
    await this.until(`end of ${id} at the doorbell`, async () => {
      const open = await fetchNotices(this.session, this.signer);
      return open.every(({ request }) => request.jti !== id);
    });
  }

  /** Requests of the public feed with their states. */
  async feed(): Promise<Map<string, string>> {
    const feed = feedSchema.parse(await exchangeJson(`${this.bridge.url}/neighbors/feed.json`, { method: 'GET' }));
    return new Map(feed.items.map((item) => [item.id, item._doorsill.state]));
  }

  /** Requests under which the agency has clips at the bridge. */
  clips(): Promise<string[]> {
    const who = { officer: 'Det. Rivera', reason: 'a story' };
    return listClips(this.deps, this.facts.agencyKey, this.bridge, who);
  }

  /** Polls `look` until it returns true. Throws `timed_out`. */
  async until(what: string, look: () => Promise<boolean>): Promise<void> {
    const { clock } = this.deps;
    const endMs = clock.monotonicMs() + PATIENCE_MS;
    while (!(await look())) {
      if (clock.monotonicMs() > endMs) throw failure('timed_out', { what, seconds: PATIENCE_MS / 1000 });
      await clock.sleep(LOOK_AGAIN_MS, this.signal);
    }
  }

  private end(): void {
    const lines = this.proved.map((what, at) => `  ${at + 1}. ${what}`);
    this.deps.output.result(
      { event: 'proved', story: this.name, proved: this.proved },
      ['', 'What this proved:', ...lines].join('\n'),
    );
  }
}

/** An agency's view of its request as text, so that two views can be compared exactly. */
export function letters(view: RequestView): string {
  return JSON.stringify(view);
}
