// The verb that serves the set-up page: where it may run, its end, and the doorbell after it.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { generateSigningKey } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { pairingProofInput } from '../../../device/contract/console-messages.ts';
import { callCommand } from '../../support/call-command.ts';
import { Running, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('device-setup');
const at = (name: string) => join(folder.path, name);
const running: Running[] = [];
afterAll(async () => {
  for (const each of running) await each.stop();
  folder.dispose();
});

const setup = (name: string, ...words: string[]) => [
  'device',
  'setup',
  '--data',
  at(name),
  '--port',
  '0',
  '--json',
  ...words,
];
const start = async (name: string) => {
  const command = new Running(setup(name, '--camera', 'synthetic?size=320x240'));
  running.push(command);
  const ready = await command.line('the page', (line) => line['event'] === 'ready');
  const url = new URL(String(ready['pairingUrl']));
  return { command, url, token: new URLSearchParams(url.hash.slice(1)).get('setup') ?? '' };
};
const refusalOf = ({ status, stderr }: { status: number | null; stderr: string }) => [
  status,
  JSON.parse(stderr).error.code,
];

describe('device setup', () => {
  it('refuses a doorbell with settings, and says what to do', async () => {
    mkdirSync(at('ready'));
    writeFileSync(at('ready/device.json'), '{}');
    const done = await callCommand(setup('ready'));
    expect(refusalOf(done)).toEqual([2, 'settings_exist']);
    expect(JSON.parse(done.stderr).error.advice).toContain('pair --show');
    expect(readFileSync(at('ready/device.json'), 'utf8')).toBe('{}');
  });

  it('refuses a folder with the records of a doorbell, which would hand its former owners on', async () => {
    mkdirSync(at('records/consent'), { recursive: true });
    writeFileSync(at('records/consent/ledger.jsonl'), 'records');
    expect(refusalOf(await callCommand(setup('records')))).toEqual([3, 'records_without_settings']);
    expect(readdirSync(at('records'))).toEqual(['consent']);
  });

  it('needs a folder where no service is installed, and a port that is one', async () => {
    expect(refusalOf(await callCommand(['device', 'setup', '--json']))).toEqual([2, 'usage']);
    expect(refusalOf(await callCommand(['device', 'setup', '--data', at('x'), '--port', '65536', '--json']))).toEqual([
      2,
      'usage',
    ]);
  });

  it('needs a network for phones, and says what to do on a machine without one', { tags: ['namespaces'] }, async () => {
    const alone = ['unshare', '--user', '--map-root-user', '--net'];
    const command = new Running(setup('alone', '--console', 'home-network'), {}, alone);
    running.push(command);
    expect(await command.ended()).toBe(5);
    const { error } = JSON.parse(command.stderr);
    expect([error.code, error.advice]).toEqual([
      'setup_without_network',
      expect.stringContaining('--console this-machine'),
    ]);
    expect(existsSync(at('alone'))).toBe(false);
  });

  it('given twice is refused, and leaves no folder after Ctrl-C', { tags: ['long'] }, async () => {
    const { command } = await start('porch');
    const again = await callCommand(setup('porch'));
    expect(refusalOf(again)).toEqual([5, 'data_folder_locked']);
    expect(existsSync(at('porch'))).toBe(true);
    await command.stop();
    expect(await command.ended()).toBe(130);
    expect(existsSync(at('porch'))).toBe(false);
  });

  it('leaves what was in the folder before', { tags: ['long'] }, async () => {
    mkdirSync(at('mine'), { mode: 0o700 });
    writeFileSync(at('mine/note'), 'kept');
    const { command } = await start('mine');
    await command.stop();
    expect(readdirSync(at('mine'))).toEqual(['note']);
  });

  it('runs the doorbell after it, whose page has the same address', { tags: ['long'], timeout: 60_000 }, async () => {
    const { command, url, token } = await start('whole');
    const headers: Record<string, string> = { 'x-doorsill-setup': token, 'content-type': 'application/json' };
    const call = async (path: string, body?: object) => {
      const sent = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
      const answer = await fetch(new URL(path, url), sent);
      const cookie = answer.headers.get('set-cookie')?.split(';')[0];
      if (cookie) headers['cookie'] = cookie;
      return z.record(z.string(), z.unknown()).parse(await answer.json());
    };
    const facts = await call('/api/v1/setup');
    const [device, challenge] = [String(facts['device']), String(facts['challenge'])];
    await call('/api/v1/setup/cameras');
    const key = generateSigningKey(new SystemRandom());
    const proof = toBase64url(key.sign(pairingProofInput(device, challenge, key.publicKey, 'me')));
    const done = await call('/api/v1/setup', {
      ...{ name: 'Whole', camera: 'synthetic?size=320x240', size: null, microphone: null, broker: null },
      ...{ listen: 'this-machine', announce: false },
      footage: { kind: 'file', bytes: 16 * 1024 * 1024, retentionS: 3_600 },
      owner: { key: key.publicKey, name: 'me', challenge, proof },
    });
    expect(done).toEqual({ device, paired: true });
    const ready = await command.line('the doorbell', (line) => line['event'] === 'ready' && line['device'] === device);
    expect(ready['console']).toBe(url.origin);
    await expect
      .poll(async () => (await fetch(new URL('/api/v1/server', url))).json())
      .toMatchObject({ device, confirmsPairing: false });
    // Given again while it runs, and after it has ended.
    expect(refusalOf(await callCommand(setup('whole')))).toEqual([2, 'settings_exist']);
    await command.stop();
    expect(refusalOf(await callCommand(setup('whole')))).toEqual([2, 'settings_exist']);
  });
});
