// Webhooks of an agency, and decisions in a moderator's own name, by the command line against a whole testbed.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { webhookSignature } from '../../../cloud-bridge/webhooks/send-webhook.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { WebhookReceiver } from '../../support/webhook-receiver.ts';

const folder = temporaryFolder('agency-tools');
let testbed: Running;
let receiver: WebhookReceiver;
beforeAll(async () => {
  receiver = await WebhookReceiver.open();
  testbed = new Running(['up', '--no-ask', '--data', folder.path, '--json']);
  await testbed.line('the testbed', (line) => line['event'] === 'up');
}, 120_000);
afterAll(async () => {
  await testbed.stop();
  await receiver.close();
  folder.dispose();
}, 60_000);

/** A command's last line, or its refusal. */
async function say(...words: string[]): Promise<Record<string, unknown>> {
  const { status, last, stderr } = await runCommand([...words, '--data', folder.path, '--json']);
  const text = stderr.trim().split('\n').at(-1) ?? '';
  return status === 0 ? { ...last } : JSON.parse(text).error;
}

async function until(what: () => boolean): Promise<void> {
  const clock = new SystemClock();
  const endMs = clock.monotonicMs() + 20_000;
  while (!what()) {
    if (clock.monotonicMs() > endMs) throw new Error('it never came');
    await clock.sleep(50);
  }
}

it('agency webhook sets an address, delivers a request’s event there, shows deliveries, and removes it', async () => {
  expect(await say('agency', 'webhook')).toMatchObject({ code: 'webhook_unknown' });
  const set = await say('agency', 'webhook', 'set', receiver.url);
  expect(set).toEqual({ url: receiver.url, secretFile: join(folder.path, 'agency', 'webhook.secret') });
  const secret = readFileSync(String(set['secretFile']), 'utf8').trim();
  expect(await say('agency', 'request', '--investigation', 'TOOLS-1')).toMatchObject({ state: 'published' });
  await until(() => receiver.types.includes('request.published'));
  const [first] = receiver.received;
  const atS = Number(first?.headers['x-doorsill-timestamp']);
  expect(first?.headers['x-doorsill-signature']).toBe(webhookSignature(secret, atS, first?.body ?? ''));
  const told = { type: 'request.published', state: 'delivered', attempts: 1, detail: 'status 204' };
  expect(await say('agency', 'webhook')).toMatchObject({ url: receiver.url, events: [told] });
  expect(await say('agency', 'webhook', 'remove')).toEqual({ url: null });
  expect(await say('agency', 'webhook')).toMatchObject({ code: 'webhook_unknown' });
}, 120_000);

it('bridge moderators issues a token that decides in its own name, until it is removed', async () => {
  const text = 'Who was at the protest on the square?';
  const { request } = await say('agency', 'request', '--text', text, '--investigation', 'TOOLS-2');
  const { token } = await say('bridge', 'moderators', 'add', 'kim', '--name', 'Kim Doe');
  const file = join(folder.path, 'kim.token');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  const moderate = (verb: string) =>
    say('bridge', 'moderate', verb, String(request), '--token-file', file, '--reason', 'protests are lawful');
  expect(await moderate('refuse')).toMatchObject({ id: request, state: 'refused' });
  expect(await say('bridge', 'moderators')).toMatchObject({ moderators: [{ moderator: 'kim', name: 'Kim Doe' }] });
  expect(await say('bridge', 'moderators', 'remove', 'kim')).toMatchObject({ removed: true });
  expect(await moderate('approve')).toMatchObject({ code: 'http_unauthorised' });
}, 120_000);
