// @module-tag long
// Holds: the live picture of a whole doorbell: a WebSocket ends at once with privacy, its viewer or its owner; a failed upgrade leaves no
// view open; and many viewers cause no gap in the recording.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { SystemClock } from '../../../device/base/clock.ts';
import { ConsoleRig, type OwnerBrowser, soon } from './support/console-rig.ts';
import { OpenView, WEBSOCKET } from './support/open-connections.ts';

/** The machine's clock, which a test can move ahead. */
class ShiftedClock extends SystemClock {
  shiftMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.shiftMs;
  }
}

const clock = new ShiftedClock();

let rig: ConsoleRig;
let owner: OwnerBrowser;
beforeEach(async () => {
  rig = await ConsoleRig.start({}, undefined, { clock });
  owner = await rig.owner();
  await soon(async () => (await owner.get('/api/v1/snapshot.jpg')).status === 200, 20_000);
}, 30_000);
afterEach(() => rig.stop());

interface Watched {
  socket: WebSocket;
  words: string[];
  /** Wall times of the received fragments. */
  framesUs: number[];
  closed: Promise<void>;
}

function watch(headers: Record<string, string>): Watched {
  const socket = new WebSocket(`${rig.url.replace('http', 'ws')}/api/v1/live`, { headers });
  const watched: Watched = {
    socket,
    words: [],
    framesUs: [],
    closed: new Promise((resolve) => socket.on('close', resolve)),
  };
  socket.on('error', () => undefined);
  socket.on('message', (data: Buffer, isBinary) => {
    if (!isBinary) watched.words.push(data.toString());
    else if (data.readBigInt64BE(0) >= 0n) watched.framesUs.push(Number(data.readBigInt64BE(0)));
  });
  return watched;
}

const isWatching = ({ framesUs }: Watched) => framesUs.length > 5;

describe('a WebSocket', () => {
  it('shows the current picture to owners and viewers', async () => {
    const both = [watch(owner.headers), watch(await owner.viewer({ rights: ['live'] }))];
    await soon(() => both.every(isWatching));
    for (const { words, framesUs, socket } of both) {
      expect(JSON.parse(words[0] ?? '')).toMatchObject({
        type: 'init',
        codecs: expect.stringMatching(/^avc1\.[0-9a-f]{6}/),
      });
      expect(Math.abs(clock.wallUs() - (framesUs.at(-1) ?? 0))).toBeLessThan(5_000_000);
      socket.terminate();
    }
  });

  it('accepts the secret as a subprotocol, as browsers need it, and does not echo it', async () => {
    const secret = owner.headers['x-doorsill-session'] ?? '';
    const socket = new WebSocket(
      `${rig.url.replace('http', 'ws')}/api/v1/live`,
      ['doorsill-live', `session.${secret}`],
      {
        headers: { cookie: owner.headers['cookie'] ?? '' },
      },
    );
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    expect(socket.protocol).toBe('doorsill-live');
    socket.terminate();
  });

  it('is refused to a viewer without the right', async () => {
    const view = new OpenView(rig.url, '/api/v1/live', {
      ...WEBSOCKET,
      ...(await owner.viewer({ rights: ['stills', 'history'] })),
    });
    await view.closed;
    expect(view.status).toBe(403);
  });

  it('ends at once with privacy, shows no later picture, and is refused while it is on', async () => {
    const one = watch(owner.headers);
    const other = new OpenView(rig.url, '/api/v1/live.mp4', owner.headers);
    await soon(() => isWatching(one) && other.received > 5_000);
    await owner.command({ action: 'privacy', on: true });
    const saidUs = clock.wallUs();
    const { received } = other;
    await Promise.all([one.closed, other.closed]);
    // It ends within a moment, not when a buffer is empty.
    expect(clock.wallUs() - saidUs).toBeLessThan(1_000_000);
    expect(Math.max(...one.framesUs)).toBeLessThan(saidUs);
    expect(other.received - received).toBeLessThan(65_536);
    for (const path of ['/api/v1/snapshot.jpg', '/api/v1/footage.mp4?fromUs=1&toUs=2', '/api/v1/live.mp4']) {
      expect([path, (await owner.get(path)).json['code']]).toEqual([path, 'console_privacy_on']);
    }
    const late = new OpenView(rig.url, '/api/v1/live', { ...WEBSOCKET, ...owner.headers });
    await late.closed;
    expect(late.status).toBe(409);
  });

  it('ends at once with its viewer’s removal, while others continue', async () => {
    const tablet = await owner.viewer({ viewer: 'tablet' });
    const [theirs, hers] = [watch(tablet), watch(owner.headers)];
    await soon(() => isWatching(theirs) && isWatching(hers));
    await owner.command({ action: 'remove-viewer', viewer: 'tablet' });
    await theirs.closed;
    const seen = hers.framesUs.length;
    await soon(() => hers.framesUs.length > seen + 5);
    expect((await rig.call('/api/v1/snapshot.jpg', { headers: tablet })).status).toBe(401);
    hers.socket.terminate();
  });

  it('ends with its owner’s removal, and with the session', async () => {
    const guest = await rig.owner();
    const [theirs, leaving] = [watch(guest.headers), await rig.session(owner.key)];
    const left = watch(leaving.headers);
    await soon(() => isWatching(theirs) && isWatching(left));
    await owner.command({ action: 'remove-owner', key: guest.key.publicKey });
    await theirs.closed;
    await rig.call('/api/v1/sessions/current', { method: 'DELETE', headers: leaving.headers });
    await left.closed;
  });

  it('ends when its viewer expires', async () => {
    const tablet = await owner.viewer({ expiresS: Math.floor(clock.wallUs() / 1_000_000) + 2 });
    const one = watch(tablet);
    await soon(() => isWatching(one));
    await one.closed;
    expect((await rig.call('/api/v1/snapshot.jpg', { headers: tablet })).status).toBe(401);
  });

  it('whose upgrade fails leaves no view open: there is still room for 64', async () => {
    for (let turn = 0; turn < 70; turn += 1) {
      const broken = new OpenView(rig.url, '/api/v1/live', {
        ...WEBSOCKET,
        ...owner.headers,
        'sec-websocket-key': 'x',
      });
      await broken.closed;
      expect(broken.status).toBe(400);
    }
    const one = watch(owner.headers);
    await soon(() => isWatching(one));
    one.socket.terminate();
  });

  it('whose upgrade fails does not keep later looks from being recorded', async () => {
    const looks = async () => ((await owner.get('/api/v1/looks')).json as { looks: { what: string }[] }).looks;
    const isLive = ({ what }: { what: string }) => what === 'live';
    const broken = new OpenView(rig.url, '/api/v1/live', { ...WEBSOCKET, ...owner.headers, 'sec-websocket-key': 'x' });
    await broken.closed;
    expect((await looks()).filter(isLive)).toHaveLength(1);
    clock.shiftMs += 11 * 60_000;
    const one = watch(owner.headers);
    await soon(() => isWatching(one));
    expect((await looks()).filter(isLive)).toHaveLength(2);
    one.socket.terminate();
  });

  it('ends for a client that sends a large message', async () => {
    const one = watch(owner.headers);
    await soon(() => isWatching(one));
    one.socket.send('x'.repeat(5_000));
    await one.closed;
  });
});

describe('deleted footage', () => {
  it('cannot be seen any more', async () => {
    const state = async () =>
      (await owner.get('/api/v1/state')).json as { ring: { coverage: { startUs: number; endUs: number }[] } };
    await soon(async () => (await state()).ring.coverage.length > 0);
    const startUs = (await state()).ring.coverage[0]?.startUs ?? 0;
    expect((await owner.get(`/api/v1/snapshot.jpg?atUs=${startUs}`)).status).toBe(200);
    await owner.command({ action: 'forget' });
    for (const path of [`snapshot.jpg?atUs=${startUs}`, `footage.mp4?fromUs=${startUs}&toUs=${startUs + 500_000}`]) {
      expect((await owner.get(`/api/v1/${path}`)).json['code']).toBe('console_no_footage');
    }
  });
});

describe('fifty viewers at once', () => {
  it('cost the recording nothing', async () => {
    const views = Array.from({ length: 50 }, () => new OpenView(rig.url, '/api/v1/live.mp4', owner.headers));
    for (const view of views.slice(0, 10)) view.stall();
    await soon(() => views.slice(10).every(({ received }) => received > 20_000), 20_000);
    const beganUs = clock.wallUs();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    for (const { socket } of views) socket.destroy();
    await soon(async () => {
      const { ring } = (await owner.get('/api/v1/state')).json as {
        ring: { coverage: { startUs: number; endUs: number }[] };
      };
      return ring.coverage.some(({ startUs, endUs }) => startUs < beganUs && endUs > beganUs + 4_500_000);
    }, 15_000);
    // One ledger entry for all: they are one session of looking.
    const { looks } = (await owner.get('/api/v1/looks')).json as { looks: { what: string }[] };
    expect(looks.filter(({ what }) => what === 'live')).toHaveLength(1);
  }, 60_000);
});
