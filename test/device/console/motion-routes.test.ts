// Holds: the routes for setting up motion, on a real HTTP server, with really captured footage.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { listenOn, makeHttpServer } from '../../../device/base/http/http-server.ts';
import { generateSigningKey, sha256Hex } from '../../../device/base/keys.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { Callers, sessionCookieName } from '../../../device/console/callers.ts';
import { LocalRouter } from '../../../device/console/local-router.ts';
import { motionRoutes } from '../../../device/console/motion-routes.ts';
import { OwnerSessions } from '../../../device/console/owner-sessions.ts';
import { PictureAccess } from '../../../device/console/picture-access.ts';
import { fromBase64url, toBase64url } from '../../../device/contract/bytes.ts';
import { sessionProofInput, ViewRight } from '../../../device/contract/console-messages.ts';
import { MotionMaskLine, TrialLine } from '../../../device/contract/motion-messages.ts';
import type { SettingsInForce } from '../../../device/contract/owner-settings.ts';
import type { Window } from '../../../device/contract/shared-claims.ts';
import { BLOCK_COLUMNS, BLOCK_ROWS, BLOCKS } from '../../../device/motion/gray-picture-size.ts';
import { GrayPictures } from '../../../device/motion/gray-pictures.ts';
import { npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { descendants } from '../../support/processes.ts';
import { captureFile, FOOTAGE_START_US as START_US } from '../clip/support/segmenter.ts';
import { drawn, grayOf, visitorAt, watch } from '../motion/gray.ts';
import { OpenView } from './support/open-connections.ts';

const clock = new SystemClock();
const random = new SystemRandom();
const DEVICE = 'device-1';
const TOKEN = 'A'.repeat(22);

/** A bright box walks through the picture from the fourth second to the ninth, and a faint one from the eleventh to the fifteenth. */
const WALK = [
  'color=c=0x404040:s=320x180:r=15:d=18[ground]',
  'color=c=white:s=40x90:r=15:d=18[bright]',
  'color=c=0x4a4a4a:s=40x90:r=15:d=18[faint]',
  "[ground][bright]overlay=x='(t-4)*40':y=60:enable='between(t,4,9)'[one]",
  "[one][faint]overlay=x='(t-11)*60':y=60:enable='between(t,11,15)'",
].join(';');

let walk: Segment[];
let walkPath: string;
let folder: string;
let server: MotionServer;
/** Processes that run without a trial; an ended one may take a moment to go. */
let idle: number;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-motion-'));
  walkPath = join(folder, 'walk.mp4');
  const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '8', '-g', '15', '-pix_fmt', 'yuv420p'];
  execFileSync(npmFfmpeg.path, ['-v', 'error', '-f', 'lavfi', '-i', WALK, ...encode, walkPath]);
  walk = await captureFile(npmFfmpeg.path, walkPath);
  idle = descendants(process.pid).length;
  return () => rm(folder, { recursive: true });
}, 60_000);
beforeEach(async () => {
  server = await MotionServer.start(walk);
});
afterEach(() => server.stop());

/** The routes, with footage, privacy and settings set by the test, and one owner's session. */
class MotionServer {
  readonly gray = new GrayPictures();
  readonly looks: string[] = [];
  readonly rights = new Map<string, ViewRight[]>();
  url = '';
  headers: Record<string, string> = {};
  held: readonly Segment[];
  isPrivate = false;
  isOwner = true;
  noting: () => Promise<void> = async () => undefined;
  /** Called after the ring's footage was read. */
  afterFootage: () => Promise<void> = async () => undefined;
  settings: SettingsInForce['motion'] = { enabled: true, sensitivity: 50, zones: [] };
  private readonly http = makeHttpServer({ clock, log: silentLog() });
  private readonly access: PictureAccess;
  private readonly sessions: OwnerSessions;

  private constructor(held: readonly Segment[]) {
    this.held = held;
    const owner = { key: this.key.publicKey, name: 'Anna', statement: '' };
    this.sessions = new OwnerSessions({ clock, random, device: DEVICE, owners: () => (this.isOwner ? [owner] : []) });
    const viewerOf = (viewer: string) => {
      const rights = this.rights.get(viewer);
      return rights ? { viewer, name: viewer, rights, tokenSha256: sha256Hex(TOKEN) } : null;
    };
    const looked = async (_by: string, what: ViewRight) => {
      await this.noting();
      this.looks.push(what);
    };
    this.access = new PictureAccess({ clock, privacyOn: () => this.isPrivate, looked, watched: () => {} });
    const origins = { scheme: 'http:', loopbackOnly: true, names: [] } as const;
    const callers = new Callers(DEVICE, this.sessions, viewerOf);
    const router = new LocalRouter(this.http, { clock, callers, origins, title: 'x', version: '1' });
    motionRoutes(router, {
      ...{ access: this.access, gray: this.gray, ffmpeg: npmFfmpeg, clock, log: silentLog() },
      ring: { read: (window) => this.read(window), coverage: () => this.coverage() },
      settings: () => ({
        disclosure: {},
        motion: this.settings,
        ring: { retentionS: 60, retentionSMin: 10, bytes: 1 },
        events: { keepDays: 1 },
        byOwners: [],
      }),
    });
  }

  private readonly key = generateSigningKey(random);

  static async start(held: readonly Segment[]): Promise<MotionServer> {
    const made = new MotionServer(held);
    made.url = await listenOn(made.http, '127.0.0.1', 0);
    const challenge = made.sessions.challenge();
    const proof = toBase64url(made.key.sign(sessionProofInput(DEVICE, made.url, challenge, made.key.publicKey)));
    const { cookie, header } = made.sessions.open({ key: made.key.publicKey, challenge, proof }, made.url);
    made.headers = { cookie: `${sessionCookieName(DEVICE)}=${cookie}`, 'x-doorsill-session': header };
    return made;
  }

  stop(): Promise<void> {
    return this.http.close();
  }

  viewer(rights: readonly ViewRight[] = ViewRight.options): Record<string, string> {
    this.rights.set('tablet', [...rights]);
    return { authorization: `Basic ${Buffer.from(`tablet:${TOKEN}`).toString('base64')}` };
  }

  privacy(): void {
    this.isPrivate = true;
    this.access.privacyTurnedOn();
  }

  removeOwner(): void {
    this.isOwner = false;
    this.sessions.sweep();
  }

  private async *read(window: Window): AsyncGenerator<Segment> {
    yield* this.held.filter((one) => one.startUs < window.endUs && one.endUs > window.startUs);
    await this.afterFootage();
  }

  private coverage(): Window[] {
    const [first, last] = [this.held[0], this.held.at(-1)];
    return first && last ? [{ startUs: first.startUs, endUs: last.endUs }] : [];
  }
}

const MASK = '/api/v1/motion/mask?sensitivity=50';
const TRIALS = '/api/v1/motion/trials';
const WINDOW = { startUs: START_US, endUs: START_US + 60_000_000 };

const codeOf = async (answer: Response) => [answer.status, JSON.parse(await answer.text()).code];
const getMask = (headers = server.headers, path = MASK) => fetch(server.url + path, { headers });
function postTrial(body: object = {}, headers = server.headers, signal?: AbortSignal): Promise<Response> {
  const asked = { window: WINDOW, zones: [], sensitivities: [20, 50, 90], ...body };
  return fetch(server.url + TRIALS, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(asked),
    ...(signal ? { signal } : {}),
  });
}
async function linesOf(answer: Response): Promise<TrialLine[]> {
  const text = await answer.text();
  return text
    .trim()
    .split('\n')
    .map((line) => TrialLine.parse(JSON.parse(line)));
}
const eventsBy = (lines: readonly TrialLine[], by: number | 'in-force') =>
  lines.flatMap((line) =>
    line.line === 'event' && line.by === by
      ? [[Math.round((line.startUs - START_US) / 1e5) / 10, Math.round((line.endUs - START_US) / 1e5) / 10]]
      : [],
  );
/** The mask's lines that a view has received. */
function maskLines(view: OpenView): MotionMaskLine[] {
  const found = view.text.match(/^\{.*\}$/gm) ?? [];
  return found.map((line) => MotionMaskLine.parse(JSON.parse(line)));
}
/** Feeds `count` pictures of a scene, a fifth of a second apart. */
function give(from: number, count: number, change?: Parameters<typeof drawn>[1]): void {
  for (let at = from; at < from + count; at += 1) {
    server.gray.publish({ width: 160, height: 90, pixels: drawn(at, change), atUs: START_US + at * 200_000 });
  }
}

describe('the motion mask', () => {
  it('is sent block by block, once the scene is learnt, at most four times a second', async () => {
    const view = new OpenView(server.url, MASK, server.headers);
    await expect.poll(() => view.status).toBe(200);
    give(0, 20);
    give(20, 1, visitorAt(64, 24, 16, 40));
    await expect.poll(() => maskLines(view).some((line) => line.atUs >= START_US + 19 * 200_000)).toBe(true);
    give(21, 2, visitorAt(64, 24, 16, 40));
    await expect.poll(() => maskLines(view).at(-1)?.atUs).toBeGreaterThan(START_US + 20 * 200_000);
    const lines = maskLines(view);
    expect(lines[0]).toMatchObject({ isLearning: true, columns: BLOCK_COLUMNS, rows: BLOCK_ROWS });
    expect(fromBase64url(lines[0]?.blocks ?? '')?.every((byte) => byte === 0)).toBe(true);
    const bits = fromBase64url(lines.at(-1)?.blocks ?? '') ?? new Uint8Array(0);
    expect(bits).toHaveLength(Math.ceil(BLOCKS / 8));
    const moving = Array.from({ length: BLOCKS }, (_, at) => at).filter(
      (at) => ((bits[at >> 3] ?? 0) >> (7 - (at & 7))) & 1,
    );
    // The visitor covers two columns and five rows of blocks.
    const expected = [3, 4, 5, 6, 7].flatMap((row) => [8, 9].map((column) => row * BLOCK_COLUMNS + column));
    expect(moving).toEqual(expected);
    for (const [at, line] of lines.entries()) {
      const before = lines[at - 1];
      if (before) expect(line.atUs - before.atUs).toBeGreaterThanOrEqual(250_000);
    }
    view.socket.destroy();
  });

  it('is not computed while nobody watches', async () => {
    const watchers = () => Reflect.get(server.gray, 'watchers').size;
    expect(watchers()).toBe(0);
    const view = new OpenView(server.url, MASK, server.headers);
    await expect.poll(watchers).toBe(1);
    view.socket.destroy();
    await expect.poll(watchers).toBe(0);
  });

  it('is for owners only, and recorded as a look at the live picture before the first line', async () => {
    expect(await codeOf(await getMask(server.viewer()))).toEqual([401, 'console_session_refused']);
    expect(await codeOf(await getMask({}))).toEqual([401, 'console_session_refused']);
    expect(server.looks).toEqual([]);
    server.noting = () => Promise.reject(new Error('no note'));
    expect((await getMask()).status).toBe(500);
    server.noting = async () => undefined;
    const view = new OpenView(server.url, MASK, server.headers);
    await expect.poll(() => view.status).toBe(200);
    expect(server.looks).toEqual(['live']);
    view.socket.destroy();
  });

  it('is refused while privacy is on, and ends the moment it is turned on', async () => {
    const view = new OpenView(server.url, MASK, server.headers);
    await expect.poll(() => view.status).toBe(200);
    server.privacy();
    await view.closed;
    expect(Reflect.get(server.gray, 'watchers').size).toBe(0);
    expect(await codeOf(await getMask())).toEqual([409, 'console_privacy_on']);
  });

  it('ends when its owner is removed', async () => {
    const view = new OpenView(server.url, MASK, server.headers);
    await expect.poll(() => view.status).toBe(200);
    server.removeOwner();
    await view.closed;
    expect(Reflect.get(server.gray, 'watchers').size).toBe(0);
  });

  it('has at most eight readers, with room again when one leaves', async () => {
    const views = Array.from({ length: 8 }, () => new OpenView(server.url, MASK, server.headers));
    for (const view of views) await expect.poll(() => view.status).toBe(200);
    expect(await codeOf(await getMask())).toEqual([503, 'console_too_many_viewers']);
    views[0]?.socket.destroy();
    await expect.poll(() => Reflect.get(server.gray, 'watchers').size).toBe(7);
    const next = new OpenView(server.url, MASK, server.headers);
    await expect.poll(() => next.status).toBe(200);
    for (const view of [...views, next]) view.socket.destroy();
  });

  it.each(['0', '101', 'x', '5e1', ''])('is refused for a sensitivity of "%s"', async (sensitivity) => {
    const answer = await getMask(server.headers, `/api/v1/motion/mask?sensitivity=${sensitivity}`);
    expect(await codeOf(answer)).toEqual([400, 'http_body_invalid']);
  });
});

describe('a trial on recorded footage', () => {
  it('finds what the detector would have found at each sensitivity, and with the settings in force', async () => {
    const lines = await linesOf(await postTrial());
    const pictures = await grayOf(walkPath);
    for (const sensitivity of [20, 50, 90]) {
      const live = watch(pictures, { sensitivity }).filter(({ type }) => type === 'motion-end');
      const found = eventsBy(lines, sensitivity);
      expect([sensitivity, found.length]).toEqual([sensitivity, live.length]);
      for (const [at, event] of live.entries())
        expect(Math.abs((found[at]?.[0] ?? 0) - (event.startS ?? 0))).toBeLessThan(0.5);
    }
    expect(eventsBy(lines, 50)).toHaveLength(1);
    expect(eventsBy(lines, 90).length).toBeGreaterThan(1);
    expect(eventsBy(lines, 'in-force')).toEqual(eventsBy(lines, 50));
    expect(lines.at(-1)).toMatchObject({
      line: 'done',
      counts: [20, 50, 90, 'in-force'].map((by) => ({ by, events: eventsBy(lines, by as number).length })),
    });
    expect(server.looks).toEqual(['history']);
  }, 30_000);

  it('counts motion in the given zones only, and separately in those in force', async () => {
    const zones = [{ name: 'corner', zone: { left: 0, top: 0, width: 1_000, height: 1_000 } }];
    const lines = await linesOf(await postTrial({ zones, sensitivities: [50] }));
    expect([eventsBy(lines, 50).length, eventsBy(lines, 'in-force').length]).toEqual([0, 1]);
    server.settings = { ...server.settings, zones };
    const again = await linesOf(await postTrial({ zones: [], sensitivities: [50] }));
    expect([eventsBy(again, 50).length, eventsBy(again, 'in-force').length]).toEqual([1, 0]);
  }, 30_000);

  it('skips footage recorded with an untrusted clock, and continues after a gap', async () => {
    server.held = walk.map((segment, at) => ({ ...segment, clockTrusted: at > 2 }));
    expect(eventsBy(await linesOf(await postTrial({ sensitivities: [50] })), 50)).toHaveLength(1);
    server.held = walk.map((segment, at) => ({ ...segment, clockTrusted: at < 3 || at > 9 }));
    expect(eventsBy(await linesOf(await postTrial({ sensitivities: [50] })), 50)).toEqual([]);
    // Without the moving box there is nothing to detect.
    server.held = walk.filter((_, at) => at < 3 || at > 9);
    expect(eventsBy(await linesOf(await postTrial({ sensitivities: [20] })), 20)).toEqual([]);
  }, 30_000);

  it('runs one at a time; closing the connection ends its ffmpeg and makes room', async () => {
    let letGo = () => {};
    server.afterFootage = () =>
      new Promise((resolve) => {
        letGo = resolve;
      });
    const leaving = new AbortController();
    const answer = await postTrial({}, server.headers, leaving.signal);
    expect(answer.status).toBe(200);
    await expect.poll(() => descendants(process.pid).length).toBe(idle + 1);
    expect(await codeOf(await postTrial())).toEqual([409, 'motion_trial_running']);
    leaving.abort();
    await expect.poll(() => descendants(process.pid).length, { timeout: 5_000 }).toBe(idle);
    letGo();
    server.afterFootage = async () => undefined;
    await expect.poll(async () => (await postTrial({ sensitivities: [50] })).status, { timeout: 5_000 }).toBe(200);
  }, 30_000);

  it('runs at the lowest priority', async () => {
    let letGo = () => {};
    server.afterFootage = () =>
      new Promise((resolve) => {
        letGo = resolve;
      });
    const known = new Set(descendants(process.pid));
    const leaving = new AbortController();
    await postTrial({}, server.headers, leaving.signal);
    const own = () => descendants(process.pid).find((pid) => !known.has(pid));
    await expect.poll(own).toBeDefined();
    const { getPriority } = await import('node:os');
    expect(getPriority(own() ?? 0)).toBe(19);
    leaving.abort();
    letGo();
    await expect.poll(own).toBeUndefined();
  }, 30_000);

  it('ends at once with privacy, together with its ffmpeg', async () => {
    server.afterFootage = () => new Promise(() => undefined);
    const answer = await postTrial();
    await expect.poll(() => descendants(process.pid).length).toBe(idle + 1);
    server.privacy();
    await expect(answer.text()).rejects.toThrow();
    await expect.poll(() => descendants(process.pid).length, { timeout: 5_000 }).toBe(idle);
    expect(await codeOf(await postTrial())).toEqual([409, 'console_privacy_on']);
  }, 30_000);

  it('is for owners only, and reads no footage unless the look was recorded', async () => {
    expect(await codeOf(await postTrial({}, server.viewer()))).toEqual([401, 'console_session_refused']);
    expect(await codeOf(await postTrial({}, {}))).toEqual([401, 'console_session_refused']);
    server.noting = () => Promise.reject(new Error('no note'));
    expect((await postTrial()).status).toBe(500);
    server.noting = async () => undefined;
    expect((await postTrial({ sensitivities: [50] })).status).toBe(200);
  }, 30_000);

  it('reports footage that cannot be decoded as its last line', async () => {
    server.held = walk.map((segment) => ({ ...segment, fragment: new Uint8Array(segment.fragment.length) }));
    const lines = await linesOf(await postTrial());
    expect(lines.at(-1)).toMatchObject({ line: 'failed', code: 'ffmpeg_failed' });
    server.held = walk;
    expect((await linesOf(await postTrial())).at(-1)?.line).toBe('done');
  }, 30_000);

  it.each<[string, object, unknown[]]>([
    ['more than twelve hours', { window: { startUs: 1, endUs: 43_200_000_002 } }, [400, 'console_span_too_long']],
    ['a time without footage', { window: { startUs: 1, endUs: 2 } }, [404, 'console_no_footage']],
    ['a window that ends before it begins', { window: { startUs: 2, endUs: 1 } }, [400, 'http_body_invalid']],
    ['six sensitivities', { sensitivities: [1, 2, 3, 4, 5, 6] }, [400, 'http_body_invalid']],
    ['no sensitivity', { sensitivities: [] }, [400, 'http_body_invalid']],
    ['a sensitivity of 101', { sensitivities: [101] }, [400, 'http_body_invalid']],
    ['a word more', { ffmpeg: '-i' }, [400, 'http_body_invalid']],
  ])('is refused for %s, and not recorded as a look', async (_what, body, refusal) => {
    expect(await codeOf(await postTrial(body))).toEqual(refusal);
    expect(server.looks).toEqual([]);
  });
});
