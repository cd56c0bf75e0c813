// A device that disconnects in the middle of an upload causes no failure at the bridge.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { errorLog } from '../../support/error-log.ts';

const { log, errors } = errorLog();
let fixture: BridgeFixture;
let request: string;
beforeAll(async () => {
  fixture = await BridgeFixture.open({ log });
  request = await fixture.ready();
});
afterAll(() => fixture.close());

it('ends such an upload without logging an error, and takes the clip when the device is back', async () => {
  const parcel = fixture.parcel(request);
  expect((await fixture.openIntake(parcel)).status).toBe(200);
  const path = await fixture.create(parcel);
  const { hostname, port } = new URL(fixture.bridge.url);
  for (let round = 0; round < 60; round += 1) {
    for (const [method, to] of [
      ['PATCH', path],
      ['POST', '/v1/uploads'],
    ]) {
      const head = [
        `${method} ${to} HTTP/1.1`,
        `host: ${hostname}`,
        `authorization: Bearer ${parcel.bearer}`,
        'tus-resumable: 1.0.0',
        'upload-offset: 0',
        `upload-length: ${parcel.clip.length}`,
        'content-type: application/offset+octet-stream',
        `content-length: ${parcel.clip.length}`,
      ];
      const socket = connect({ host: hostname, port: Number(port) });
      socket.on('error', () => undefined);
      socket.write(`${head.join('\r\n')}\r\n\r\n`);
      socket.write(parcel.clip.subarray(0, 100));
      await sleep(round / 4);
      socket.destroy();
    }
  }
  await sleep(300);
  expect(errors).toEqual([]);
  const { status, body } = await fixture.tus('HEAD', path, parcel);
  expect(status, JSON.stringify(body)).toBe(200);
}, 60_000);
