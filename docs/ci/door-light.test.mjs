// Owns: the app's own test: the real app, told by a doorbell that plays scenarios/porch.mp4 once, at its own pace.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { startDoorbell } from 'doorsill/client';

const folder = mkdtempSync(join(tmpdir(), 'door-light-'));
const secretFile = join(folder, 'secret');
let app;
let lines;
let url;

/** Reads on until the app prints this; the test's timeout ends a wait in vain. */
async function printed(wanted) {
  for (;;) {
    const { value, done } = await lines.next();
    assert.ok(!done, `the app ended before it printed: ${wanted}`);
    const found = new RegExp(`^${wanted}$`).exec(value);
    if (found) return found;
  }
}

before(async () => {
  writeFileSync(secretFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  app = spawn(process.execPath, ['door-light.mjs', '0', secretFile], { stdio: ['ignore', 'pipe', 'inherit'] });
  lines = createInterface({ input: app.stdout })[Symbol.asyncIterator]();
  const [, port] = await printed('door-light listens on (\\d+)');
  url = `http://127.0.0.1:${port}/`;
});

after(async () => {
  app.kill();
  await once(app, 'exit');
  rmSync(folder, { recursive: true });
});

test('the light follows the door', { timeout: 30_000 }, async () => {
  const door = await startDoorbell({
    camera: `file:${resolve('scenarios/porch.mp4')}?once`,
    agency: false,
    device: { notifications: [{ format: 'webhook', url, secretFile, on: ['press', 'motion'] }] },
  });
  try {
    await printed('light dimmed: something moves');
    await door.press();
    await printed('light on: somebody rang');
  } finally {
    await door.stop();
  }
});

test('who does not know the secret switches nothing', { timeout: 10_000 }, async () => {
  const answer = await fetch(url, { method: 'POST', body: '{"type":"press"}' });
  assert.equal(answer.status, 401);
});
