import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock, SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { pairingProofInput } from '../../../device/contract/console-messages.ts';
import { failure } from '../../../device/contract/errors.ts';
import { SentClip, type SentClipPage } from '../../../device/contract/sent-clips.ts';
import {
  askCustody,
  askHealth,
  askSentClips,
  askStill,
  listOwners,
  pairWithDevice,
} from '../../../device/owner/pairing-client.ts';
import { PAIRING_FAILURES_MAX, PairingServer, type PairingServerDeps } from '../../../device/owner/pairing-server.ts';
import { CONVERSATION_MS_MAX, type Health, SENT_CLIPS_PER_ANSWER_MAX } from '../../../device/owner/pairing-wire.ts';
import { pairingSocketPath } from '../../../device/owner/private-socket.ts';
import { Cast } from '../../support/parties.ts';

const HEALTH: Health = {
  camera: { state: 'recording', source: 'synthetic' },
  privacy: false,
  ring: { kind: 'file', bytes: 1, bytesMax: 2, segments: 1, damaged: 0 },
  storage: { state: 'ok' },
  clockTrusted: true,
  area: 'online',
  owners: 1,
  homeFault: null,
  uptimeS: 60,
  written: { ring: 1 },
};
const clock = new SystemClock();
const serverClock = new ManualClock(1_790_000_000_000_000);
let cast: Cast;
let folder: string;
let path: string;
let server: PairingServer;
let deps: PairingServerDeps;
let paired: { key: string; name: string }[];
let refuseWith: Error | null;
let statementFor: (key: string) => string;
const sockets: Socket[] = [];
const ADDRESS = { url: 'mqtt://127.0.0.1:1883', prefix: 'doorsill/v1' };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-pair-'));
  path = pairingSocketPath(folder);
  cast = new Cast(clock);
  paired = [];
  refuseWith = null;
  statementFor = (key) => cast.pairing({ key });
  const trust = { bridgeKey: cast.bridge.key.publicKey, registryKey: cast.registry.key.publicKey };
  deps = {
    disk: new SystemDisk(),
    clock: serverClock,
    random: new SystemRandom(),
    log: silentLog(),
    path,
    about: () => ({ device: cast.device.id, deviceKey: cast.device.key.publicKey, name: 'Front door', trust }),
    health: () => HEALTH,
    console: () => null,
    viewers: () => ({ viewers: [], looks: [] }),
    sentClips: (before) => leftBefore(before),
    custody: async (grant) => {
      if (grant !== 'grant-a') throw failure('departure_unknown');
      return { receipt: 'r'.repeat(4_096), leaves: [], isWhole: true };
    },
    confirm: () => Promise.reject(new Error('not here')),
    still: () => {
      if (refuseWith) throw refuseWith;
      return { ok: true, atUs: 1, jpeg: toBase64url(new Uint8Array(60_000).fill(7)) };
    },
    owners: () => paired,
    pair: async (key, name) => {
      if (refuseWith) throw refuseWith;
      paired.push({ key, name });
      return statementFor(key);
    },
    ...issuing,
  };
  server = new PairingServer(deps);
  await server.start();
});
/** A device whose accounts are in its own folder. */
const issuing: Pick<PairingServerDeps, 'issuesAccounts' | 'issueAccount'> = {
  issuesAccounts: true,
  issueAccount: async () => ({ ...ADDRESS, user: 'owner-1', password: 'secret' }),
};
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.stop();
  await rm(folder, { recursive: true });
});

/** Sends these lines; resolves with the answered lines once the device has closed the connection or `count` arrived. */
async function say(lines: string[], count: number): Promise<unknown[]> {
  const socket = createConnection(path);
  sockets.push(socket);
  let text = '';
  return new Promise((resolve, reject) => {
    const done = () => {
      socket.destroy();
      const back = text.split('\n').filter(Boolean);
      resolve(back.map((line): unknown => JSON.parse(line)));
    };
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (text.split('\n').length > count) done();
    });
    socket.on('close', done);
    // To close while the other side still writes looks like a reset here.
    socket.on('error', (thrown) => (/ECONNRESET|EPIPE/.test(thrown.message) ? done() : reject(thrown)));
    socket.write(lines.map((line) => `${line}\n`).join(''));
  });
}

const pairLine = (proof: string) => JSON.stringify({ verb: 'pair', key: cast.owner.key.publicKey, name: 'Eve', proof });

describe('pairing over the device’s socket', () => {
  it('makes the key an owner’s and answers with everything it needs', async () => {
    const statement = statementFor(cast.owner.key.publicKey);
    statementFor = () => statement;
    const home = await pairWithDevice({ clock }, path, cast.owner.key, 'Alex');
    expect(home).toEqual({
      device: cast.device.id,
      deviceKey: cast.device.key.publicKey,
      name: 'Front door',
      trust: { bridgeKey: cast.bridge.key.publicKey, registryKey: cast.registry.key.publicKey },
      account: { ...ADDRESS, user: 'owner-1', password: 'secret' },
      pairing: statement,
    });
    expect(paired).toEqual([{ key: cast.owner.key.publicKey, name: 'Alex' }]);
    expect(await listOwners({ clock }, path)).toEqual(paired);
    expect(await askHealth({ clock }, path)).toEqual(HEALTH);
  });

  it('accepts an owner’s own account where the device issues none, and pairs nobody without one', async () => {
    await server.stop();
    server = new PairingServer({ ...deps, issuesAccounts: false, issueAccount: async () => ADDRESS });
    await server.start();
    const without = pairWithDevice({ clock }, path, cast.owner.key, 'Alex');
    await expect(without).rejects.toMatchObject({ code: 'pairing_account_needed' });
    expect(paired).toEqual([]);
    const own = { user: 'alex', password: 'own secret' };
    const home = await pairWithDevice({ clock }, path, cast.owner.key, 'Alex', own);
    expect(home.account).toEqual({ ...ADDRESS, ...own });
  });

  it('returns a still of the maximum size, or the code of the refusal', async () => {
    expect(await askStill({ clock }, path, 'a call')).toEqual({ atUs: 1, jpeg: new Uint8Array(60_000).fill(7) });
    refuseWith = failure('sighting_unknown');
    await expect(askStill({ clock }, path, 'a call')).rejects.toMatchObject({ code: 'sighting_unknown' });
  });

  it('is open to the user who runs the device and to nobody else', async () => {
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'run'))).mode & 0o777).toBe(0o700);
  });

  it('leaves no socket behind, and replaces one left by a crash', async () => {
    await server.stop();
    expect(await readdir(join(folder, 'run'))).toEqual([]);
    await expect(listOwners({ clock }, path)).rejects.toMatchObject({ code: 'unreachable' });
    await server.start();
    expect(await listOwners({ clock }, path)).toEqual([]);
  });

  it('refuses a proof that is not over this connection’s nonce', async () => {
    const [hello] = await say(['{"verb":"hello"}'], 1);
    expect(hello).toMatchObject({ ok: true, nonce: expect.any(String) });
    const elsewhere = cast.owner.key.sign(new Uint8Array([1]));
    const [, refusal] = await say(['{"verb":"hello"}', pairLine(Buffer.from(elsewhere).toString('base64url'))], 2);
    expect(refusal).toMatchObject({ ok: false, code: 'pairing_refused' });
    expect(paired).toEqual([]);
  });

  it('accepts a nonce for one proof alone: the same proof pairs nobody a second time', async () => {
    const socket = createConnection(path);
    sockets.push(socket);
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    const ask = async (line: string): Promise<Record<string, unknown>> => {
      socket.write(`${line}\n`);
      const { value } = await lines.next();
      return JSON.parse(String(value));
    };
    const { nonce } = await ask('{"verb":"hello"}');
    const key = cast.owner.key;
    const input = pairingProofInput(cast.device.id, String(nonce), key.publicKey, 'Eve');
    const line = pairLine(Buffer.from(key.sign(input)).toString('base64url'));
    expect(await ask(line)).toMatchObject({ ok: true });
    expect(await ask(line)).toMatchObject({ ok: false, code: 'pairing_refused' });
    expect(paired).toHaveLength(1);
  });

  it('locks after ten failures, even for a good proof, until the button is pressed', async () => {
    for (let times = 0; times < PAIRING_FAILURES_MAX; times += 1) await say([pairLine('A'.repeat(86))], 1);
    expect(server.locked).toBe(true);
    await expect(pairWithDevice({ clock }, path, cast.owner.key, 'Alex')).rejects.toMatchObject({
      code: 'pairing_locked',
    });
    server.unlock();
    await pairWithDevice({ clock }, path, cast.owner.key, 'Alex');
    expect(paired).toHaveLength(1);
  });

  it('passes on the gate’s refusal', async () => {
    refuseWith = failure('owner_too_many');
    await expect(pairWithDevice({ clock }, path, cast.owner.key, 'Alex')).rejects.toMatchObject({
      code: 'owner_too_many',
    });
  });

  it('accepts no statement but the device’s own for this key', async () => {
    const refused = { code: 'pairing_refused' };
    const other = new Cast(clock);
    for (const statement of [
      (key: string) => cast.pairing({ key }, other.device),
      () => cast.pairing({ key: other.owner.key.publicKey }),
      (key: string) => cast.pairing({ key, device: other.device.id }),
    ]) {
      statementFor = statement;
      await expect(pairWithDevice({ clock }, path, cast.owner.key, 'Alex')).rejects.toMatchObject(refused);
    }
  });

  it('accepts no device that cannot sign for the key it names', async () => {
    const other = new Cast(clock);
    cast.device.key = other.device.key;
    await expect(pairWithDevice({ clock }, path, cast.owner.key, 'Alex')).rejects.toMatchObject({
      code: 'pairing_refused',
    });
  });

  it.each([
    ['text that is not JSON', 'hello?'],
    ['an unknown verb', '{"verb":"open"}'],
    ['an unknown key', '{"verb":"hello","then":"pair"}'],
  ])('answers %s with a refusal and hangs up', async (_what, line) => {
    expect(await say([line], 9)).toEqual([
      { ok: false, code: 'pairing_refused', detail: 'the message was not understood' },
    ]);
  });

  it('closes the connection on a line that never ends', async () => {
    expect(await say(['x'.repeat(100_000)], 9)).toEqual([]);
  });

  it('closes a silent connection', async () => {
    const silent = say([], 9);
    await listOwners({ clock }, path);
    await serverClock.advance(CONVERSATION_MS_MAX);
    expect(await silent).toEqual([]);
  });
});

describe('the list of sent clips', () => {
  it('arrives in answers that fit on a line, also where all fields have their maximum length', async () => {
    const first = await askSentClips({ clock }, path, null);
    expect([first.departures.length, first.next]).toEqual([SENT_CLIPS_PER_ANSWER_MAX, 100 - SENT_CLIPS_PER_ANSWER_MAX]);
    const second = await askSentClips({ clock }, path, first.next);
    expect(second.departures[0]?.number).toBe(100 - SENT_CLIPS_PER_ANSWER_MAX - 1);
  });

  it('is shown with the bridge and key that its proof must have, and refused for a clip that never left', async () => {
    expect(await askCustody({ clock }, path, 'grant-a')).toMatchObject({
      device: cast.device.id,
      bridgeKey: cast.bridge.key.publicKey,
      shown: { receipt: expect.any(String) },
    });
    await expect(askCustody({ clock }, path, 'grant-b')).rejects.toMatchObject({ code: 'departure_unknown' });
  });
});

describe('the socket’s path', () => {
  it('is in the data folder, or under the user’s home where that is too long', () => {
    const noHome = () => {
      throw new Error('a service’s user has no home folder');
    };
    expect(pairingSocketPath('/data/door', noHome)).toBe('/data/door/run/pairing.sock');
    const long = `/data/${'very-long-'.repeat(12)}`;
    expect(pairingSocketPath(long, () => '/home/alex')).toMatch(
      /^\/home\/alex\/\.doorsill\/[0-9a-f]{24}\/pairing\.sock$/,
    );
    expect(() => pairingSocketPath(long, () => long)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  });
});

/** A page of a hundred clips, each as long as the schema allows, in letters that take most bytes. */
function leftBefore(before: number | null): SentClipPage {
  const end = before ?? 100;
  const numbers = Array.from({ length: SENT_CLIPS_PER_ANSWER_MAX }, (_, place) => end - 1 - place);
  const id = 'a'.repeat(63);
  const hash = 'f'.repeat(64);
  const text = (letters: number) => '😀'.repeat(letters / 2);
  const receipt = 'r'.repeat(4_096);
  const longest = (number: number): SentClip =>
    SentClip.parse({
      ...{ number, request: id, grant: id, grantSha256: hash, grantedBy: cast.owner.key.publicKey, grantedUs: 1e15 },
      recipient: {
        ...{ kind: 'agency', id, name: text(120), domain: 'd'.repeat(253), jurisdiction: 'municipal' },
        ...{ investigation: text(64), incidentType: text(64) },
      },
      bridge: id,
      clip: {
        ...{ id, sha256: hash, bytes: 1e12, frames: 1e9, window: { startUs: 1e15, endUs: 2e15 }, method: 're-encode' },
        ...{ disclosed: ['name', 'address', 'email', 'phone'], manifestSha256: hash },
      },
      ...{ audio: true, zones: 16, sentUs: 1e15, stored: { atUs: 1e15, receipt } },
      disclosed: { name: text(200), address: text(300), email: text(254), phone: text(40) },
      standing: { at: 'answered', atUs: 1e15, outcome: 'recalled', receipt },
    });
  return { total: 100, departures: numbers.map(longest), next: numbers.at(-1) ?? null };
}
