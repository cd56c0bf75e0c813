// All traffic of a process in the doorbell's place is recorded: every byte through the proxies, and other traffic by packets or sockets. Nothing of
// the recording is left.
import { execFileSync, spawn } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { SystemPrograms } from '../../../device/base/system-programs.ts';
import { connectionsIn, DoorbellWatch } from '../../../sim/prove/doorbell-watch.ts';
import { checkOtherTraffic } from '../../../sim/prove/judge-leaving.ts';

const deps = { clock: new SystemClock(), random: new SystemRandom(), programs: new SystemPrograms(), log: silentLog() };
/** Nobody has this address (RFC 5737). */
const ELSEWHERE = '203.0.113.9';

let server: Server;
let url = '';
beforeAll(async () => {
  server = createServer((socket) => void socket.on('error', () => undefined).pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `mqtt://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
});
afterAll(() => void server.close());

/** Runs a script where the doorbell would, to its end. */
async function playIn(watch: DoorbellWatch, script: string): Promise<void> {
  const [command = '', ...words] = [...watch.inside, process.execPath, '-e', script];
  const child = spawn(command, words, { stdio: 'inherit' });
  if (child.pid !== undefined) watch.started(child.pid);
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
}

/** Sends through a proxy and awaits the echo; then runs `more`, and ends after `staysMs`. */
const speak = (door: string, more = '', staysMs = 150) => `
  const { hostname, port } = new URL(${JSON.stringify(door)});
  const socket = require('net').connect(Number(port), hostname, () => socket.write('hello'));
  socket.once('data', () => { socket.write(' again'); ${more}; setTimeout(() => process.exit(0), ${staysMs}); });`;

function heardAt(watch: DoorbellWatch): string[] {
  return connectionsIn(watch.links.broker.sent, 0, Number.POSITIVE_INFINITY).map((bytes) =>
    Buffer.from(bytes).toString(),
  );
}

describe('in its own network namespace', { tags: ['namespaces', 'root'] }, () => {
  it('records all bytes through the proxies, and captures every other packet', async () => {
    const watch = await DoorbellWatch.open(deps, true);
    const door = watch.doorTo('broker', url);
    const planted = `require('net').connect(443, '${ELSEWHERE}').on('error', () => 0);
      require('dgram').createSocket('udp4').send('x', 53, '${ELSEWHERE}')`;
    await playIn(watch, speak(door, planted));
    const otherTraffic = await watch.end();
    expect(heardAt(watch)).toEqual(['hello again']);
    const place = new URL(door).host;
    if (otherTraffic.means !== 'capture') throw new Error(JSON.stringify(otherTraffic));
    const foreign = otherTraffic.packets
      .filter(({ kind, to }) => kind !== 'link' && to !== place)
      .map(({ kind, to }) => `${kind} ${to}`);
    expect([...new Set(foreign)].sort()).toEqual([`tcp ${ELSEWHERE}:443`, `udp ${ELSEWHERE}:53`]);
    const said = otherTraffic.packets.filter(({ to }) => to === place).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(said).toBe('hello again'.length);
    expect(otherTraffic.packets).toHaveLength(otherTraffic.sent);
    expect(
      checkOtherTraffic({ places: [place], otherTraffic }, Number.POSITIVE_INFINITY).map(({ holds }) => holds),
    ).toEqual([false, true]);
    const left = ['netns', 'link'].map((kind) => execFileSync('ip', [kind, 'list'], { encoding: 'utf8' })).join('');
    expect(left).not.toContain(watch.inside[3]);
    expect(left).not.toContain(watch.inside[3]?.replace(/^.*-/, 'dsp'));
  });

  it('finds no fault without other traffic', async () => {
    const watch = await DoorbellWatch.open(deps, true);
    const door = watch.doorTo('broker', url);
    await playIn(watch, speak(door));
    const otherTraffic = await watch.end();
    expect(
      checkOtherTraffic({ places: [new URL(door).host], otherTraffic }, Number.POSITIVE_INFINITY).map(
        ({ holds }) => holds,
      ),
    ).toEqual([true, true]);
  });
});

describe('without its own network namespace', () => {
  it('records all bytes through the proxies, and finds sockets to other addresses', async () => {
    const watch = await DoorbellWatch.open(deps, false);
    const door = watch.doorTo('broker', url);
    // As long as four looks take on a busy machine.
    await playIn(watch, speak(door, `require('net').connect(${new URL(url).port}, '127.0.0.1')`, 1_500));
    const otherTraffic = await watch.end();
    expect(heardAt(watch)).toEqual(['hello again']);
    if (otherTraffic.means !== 'sockets') throw new Error(JSON.stringify(otherTraffic));
    expect(otherTraffic.ends.map(({ end }) => end).sort()).toEqual(
      [`tcp ${new URL(door).host}`, `tcp ${new URL(url).host}`].sort(),
    );
    expect(otherTraffic.looks).toBeGreaterThan(3);
  });
});
