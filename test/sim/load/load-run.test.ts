// The load of agencies on a real bridge: its calls, its counts, and no open request at the end.
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { generateSigningKey, sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { DEFAULT_PROFILE } from '../../../sim/fleet/fleet-profile.ts';
import { BridgeCalls, bridgeAt, type OpenRequest } from '../../../sim/load/bridge-calls.ts';
import { type LoadLine, type LoadOptions, LoadRun } from '../../../sim/load/load-run.ts';
import { BridgeFixture, type FixtureOptions } from '../../support/bridge-fixture.ts';

const clock = new SystemClock();
const deps = { clock, random: new SystemRandom(), disk: new SystemDisk() };
const anyKey = generateSigningKey(deps.random);
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function realBridge(options: FixtureOptions = {}): Promise<BridgeFixture> {
  const fixture = await BridgeFixture.open(options);
  closing.push(() => fixture.close());
  return fixture;
}

/** A server that speaks as a test wants it to. */
async function serve(answer: RequestListener): Promise<string> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const callsAt = (bridge: { id: string; url: string }) => new BridgeCalls(deps, bridge, DEFAULT_PROFILE.town, 'theft');

function load(calls: BridgeCalls, options: Partial<LoadOptions>, line: (line: LoadLine) => void = () => undefined) {
  const perMinute = { ask: 0, poll: 0, download: 0 };
  return new LoadRun(
    {
      agencies: [],
      seed: 3,
      atOnce: 50,
      openMax: 5,
      forMs: 2_000,
      ...options,
      perMinute: { ...perMinute, ...options.perMinute },
    },
    { clock, calls, line },
  );
}

/** The calls, with what was asked by them. */
class NotedCalls extends BridgeCalls {
  readonly asked: OpenRequest[] = [];
  override async ask(agency: OpenRequest['agency']): Promise<OpenRequest> {
    const request = await super.ask(agency);
    this.asked.push(request);
    return request;
  }
}

describe('a load', () => {
  it('posts, reads, lists and downloads at a real bridge, and leaves no request open', { tags: ['long'] }, async () => {
    const fixture = await realBridge();
    const request = await fixture.ready();
    await fixture.deliver(fixture.parcel(request));
    const bridge = await bridgeAt(fixture.bridge.url);
    expect(bridge.id).toBe(fixture.cast.bridge.id);
    const noted = new NotedCalls(deps, bridge, DEFAULT_PROFILE.town, 'theft');
    const agencies = [fixture.cast.agency.key];
    const lines: LoadLine[] = [];
    const perMinute = { ask: 600, poll: 900, download: 600 };
    const run = load(noted, { agencies, perMinute }, (line) => lines.push(line));
    const { calls, codes, downloads, broken, leftOpen } = await run.run(new AbortController().signal);
    expect(codes).toEqual({});
    expect([broken, leftOpen]).toEqual([0, 0]);
    expect(calls.ask.answered).toBeGreaterThan(5);
    expect(calls.see.answered).toBeGreaterThan(0);
    expect(calls.resolve.answered).toBeGreaterThan(0);
    expect(downloads).toBeGreaterThan(0);
    expect(lines.length).toBeGreaterThan(0);
    expect(Math.max(...lines.map(({ openRequests }) => openRequests))).toBeLessThanOrEqual(5);
    expect(noted.asked.length).toBe(calls.ask.answered);
    for (const request of noted.asked) expect(await noted.see(request)).toBe(false);
  });

  it('counts refusals by code, also those of the rate limit', { tags: ['long'] }, async () => {
    const fixture = await realBridge({ perMinuteMax: { officer: 3 } });
    await fixture.admitAgency();
    const run = load(callsAt(await bridgeAt(fixture.bridge.url)), {
      agencies: [fixture.cast.agency.key],
      perMinute: { ask: 0, poll: 600, download: 0 },
    });
    const { calls, codes, sent, answered, refused } = await run.run(new AbortController().signal);
    expect(calls.list.answered).toBe(3);
    expect(codes).toEqual({ http_rate_limited: sent - 3 });
    expect(answered + refused).toBe(sent);
    expect(sent).toBeGreaterThan(5);
  });

  it('makes due calls at a stalled bridge, drops those beyond the limit, and measures from when each was due', {
    tags: ['long'],
  }, async () => {
    const held: (() => void)[] = [];
    let isReleased = false;
    const url = await serve((_, response) => {
      const answer = () => response.setHeader('content-type', 'application/json').end('{"clips":[],"next":null}');
      if (isReleased) answer();
      else held.push(answer);
    });
    const stop = new AbortController();
    const run = load(
      callsAt({ id: 'bridge-1', url }),
      { agencies: [anyKey], perMinute: { ask: 0, poll: 1_200, download: 0 }, atOnce: 4, forMs: null },
      ({ underWay, dropped }) => {
        if (dropped < 20 || isReleased) return;
        expect(underWay).toBe(4);
        isReleased = true;
        for (const answer of held) answer();
        stop.abort();
      },
    );
    const { sent, answered, dropped, underWay, calls } = await run.run(stop.signal);
    expect([sent, answered, underWay]).toEqual([4, 4, 0]);
    expect(dropped).toBeGreaterThanOrEqual(20);
    // They waited as long as twenty later calls were due: about a second.
    expect(calls.list.p50Ms).toBeGreaterThan(300);
  });
});

describe('a download', () => {
  const clip = new Uint8Array(5_000).fill(7);
  const known = (changes: object = {}) => ({
    agency: anyKey,
    entry: { clip: 'clip-1', request: 'request-1', bytes: clip.length, sha256: sha256Hex(clip), ...changes },
  });
  const download = async (answer: RequestListener, changes: object = {}) => {
    const calls = callsAt({ id: 'bridge-1', url: await serve(answer) });
    return calls.download(known(changes), new AbortController().signal);
  };

  it('is whole only with the length and the hash of the list', async () => {
    expect(await download((_, response) => response.end(clip))).toEqual({ is: 'whole', bytes: 5_000 });
    expect(await download((_, response) => response.end(clip), { sha256: sha256Hex('other') })).toEqual({
      is: 'broken',
    });
    expect(await download((_, response) => response.end(clip), { bytes: 4_999 })).toEqual({ is: 'broken' });
    expect(await download((_, response) => response.end(clip), { bytes: 5_001 })).toEqual({ is: 'broken' });
  });

  it('follows no redirect, and reports refusals by code', async () => {
    let elsewhere = 0;
    const other = await serve((_, response) => {
      elsewhere += 1;
      response.end(clip);
    });
    expect(await download((_, response) => response.writeHead(303, { location: other }).end())).toEqual({
      is: 'handed-over',
    });
    const moved: RequestListener = (_, response) => response.writeHead(302, { location: other }).end();
    await expect(download(moved)).rejects.toMatchObject({ code: 'unreachable' });
    expect(elsewhere).toBe(0);
    const gone: RequestListener = (_, response) => response.writeHead(404).end('<html>');
    await expect(download(gone)).rejects.toMatchObject({ code: 'unreachable' });
    await expect(download((_, response) => void response.destroy())).rejects.toMatchObject({ code: 'unreachable' });
  });
});
