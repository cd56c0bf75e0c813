// An area broker with invented documents cannot make a device subscribe, log or store without bound.
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AreaLink } from '../../../device/area-link/area-link.ts';
import { ManualClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { topicsUnder } from '../../../device/contract/topics.ts';
import { Cast } from '../../support/parties.ts';
import { QuickClock } from '../../support/quick-clock.ts';

const cast = new Cast(new ManualClock(1_790_000_000_000_000));
const topic = topicsUnder('doorsill/v1').areaRequests(cast.cell, 1);
const ROUNDS = 60;

let server: Server;
let area: AreaLink;
let asked = 0;
const sockets = new Set<Socket>();
const warnings: string[] = [];
const note = (warning: Error) => void warnings.push(warning.name);

/** A QoS 0 PUBLISH [MQTT-3.3]. */
function publish(payload: string): Buffer {
  const body = Buffer.concat([Buffer.from([0, topic.length]), Buffer.from(topic + payload)]);
  const length = [(body.length & 127) | 128, (body.length >> 7) & 127];
  return Buffer.concat([Buffer.from([0x30, ...length]), body]);
}

/** A valid broker that announces 99 parts and 1 part in turns whenever the first part is requested. */
function serve(socket: Socket): void {
  let unread = Buffer.alloc(0);
  sockets.add(socket);
  socket.on('error', () => undefined);
  const flood = () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const parts of [99, 1]) socket.write(publish(cast.areaDocument([], { parts })));
    }
    socket.write(publish('the end'));
  };
  socket.on('data', (piece) => {
    unread = Buffer.concat([unread, piece]);
    for (;;) {
      const [head = 0, low = 0, high = 0] = unread;
      const headerBytes = low < 128 ? 2 : 3;
      const length = low < 128 ? low : (low & 127) + high * 128;
      if (unread.length < headerBytes || unread.length < headerBytes + length) break;
      const body = unread.subarray(headerBytes, headerBytes + length);
      unread = unread.subarray(headerBytes + length);
      if (head >> 4 === 1) socket.write(Buffer.from([0x20, 2, 0, 0]));
      if (head >> 4 === 8) {
        let filters = 0;
        for (let at = 2; at < body.length; at += 3 + body.readUInt16BE(at)) filters += 1;
        asked += filters;
        socket.write(Buffer.from([0x90, 2 + filters, body[0] ?? 0, body[1] ?? 0, ...Array(filters).fill(1)]));
        if (asked === 3) flood();
      }
      if (head >> 4 === 10) socket.write(Buffer.from([0xb0, 2, body[0] ?? 0, body[1] ?? 0]));
    }
  });
}

beforeEach(() => {
  asked = 0;
  process.on('warning', note);
});
afterEach(async () => {
  process.off('warning', note);
  await area.stop();
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

it('that announces changing numbers of parts', async () => {
  server = createServer((socket) => serve(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (!address || typeof address !== 'object') throw new Error('no port');
  area = new AreaLink({
    cell: cast.cell,
    prefix: 'doorsill/v1',
    url: `mqtt://127.0.0.1:${address.port}`,
    user: 'device-area-1',
    password: 'a password of some length',
    clock: new QuickClock(),
    random: new SystemRandom(),
    log: silentLog(),
  });
  const ended = new Promise<void>((resolve) => {
    area.onMessage((message) => {
      if (message.token === 'the end') resolve();
    });
  });
  area.start();
  await ended;
  // One turn of the event loop: warnings are emitted on the next tick.
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toBeLessThan(500);
  expect(warnings).toEqual([]);
});
