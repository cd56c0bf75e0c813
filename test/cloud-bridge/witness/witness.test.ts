// A witness, a process of its own, cosigns a log while it grows, and notices one that was rolled back or rewritten.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { headAnswerSchema } from '../../../cloud-bridge/custody/custody-answers.ts';
import { type Look, Witness } from '../../../cloud-bridge/witness/witness.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { importSigningKey } from '../../../device/base/keys.ts';
import { silentLog } from '../../../device/base/log.ts';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import { Cosignature, CustodyBundle, printProof } from '../../../device/contract/custody.ts';
import { isFailure } from '../../../device/contract/errors.ts';
import { CLOCK_SKEW_S_MAX } from '../../../device/contract/owner-orders.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { claimsOf, makeParty } from '../../support/parties.ts';

const folder = temporaryFolder('witness');
const data = join(folder.path, 'witness');
const errorSchema = z.object({ error: z.object({ code: z.string() }) });
let fixture: BridgeFixture;
let request: string;
let parcel: Parcel;
let key: string;

beforeAll(async () => {
  // The key comes first, because the bridge's settings name it.
  const away = await runCommand([
    'audit',
    'witness',
    '--data',
    data,
    '--bridge',
    'http://127.0.0.1:9',
    '--once',
    '--json',
  ]);
  expect([away.status, codeOf(away.stderr)]).toEqual([4, 'unreachable']);
  key = readFileSync(join(data, 'witness.pub'), 'utf8').trim();
  fixture = await BridgeFixture.open({ bridge: { custody: { witnesses: [key] } } });
  request = await fixture.ready();
  parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
}, 60_000);
afterAll(async () => {
  await fixture.close();
  folder.dispose();
});

const words = (of = data) => ['audit', 'witness', '--data', of, '--bridge', fixture.bridge.url, '--json'];
/** One check by a process of its own. */
const look = (of = data) => runCommand([...words(of), '--once']);
/** One check by a witness on the folder in this process; returns what it found, or its code. */
async function lookHere(of: string, bridgeKey?: string): Promise<Look | string> {
  const witness = new Witness({
    clock: new SystemClock(),
    random: fixture.random,
    disk: fixture.disk,
    log: silentLog(),
    folder: of,
    bridgeUrl: fixture.bridge.url,
    ...(bridgeKey === undefined ? {} : { bridgeKey }),
  });
  try {
    await witness.start();
    return await witness.look();
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    return thrown.code;
  }
}
const codeOf = (stderr: string) => errorSchema.parse(JSON.parse(stderr.trim().split('\n').at(-1) ?? '')).error.code;
const served = async () => headAnswerSchema.parse((await fixture.get('/v1/custody/head')).body);
const event = () => fixture.get('/v1/clips', fixture.access('all'));

/** The bridge on an earlier copy of its database, as after a restored backup. */
async function restore(from: string): Promise<void> {
  await fixture.bridge.stop();
  for (const end of ['', '-wal', '-shm']) rmSync(join(fixture.bridgeFolder, `bridge.sqlite${end}`), { force: true });
  cpSync(from, join(fixture.bridgeFolder, 'bridge.sqlite'));
  await fixture.startBridge();
}

async function backup(): Promise<string> {
  const copy = join(folder.path, `backup-${Math.floor(fixture.clock.monotonicMs())}.sqlite`);
  await fixture.bridge.stop();
  cpSync(join(fixture.bridgeFolder, 'bridge.sqlite'), copy);
  await fixture.startBridge();
  return copy;
}

describe('a log that grows', () => {
  it('is cosigned, and the bridge serves the cosignature with its head and in the custody bundle of a clip', async () => {
    const first = await look();
    expect(first.status, first.stderr).toBe(0);
    expect(first.last).toMatchObject({ event: 'seen', served: true });
    await event();
    const second = await lookHere(data);
    expect(second).toMatchObject({ size: Number(first.last?.['size']) + 1, served: true });
    const { cosigned } = await served();
    const said = Cosignature.parse(claimsOf(cosigned?.cosignatures[0] ?? ''));
    expect(said).toMatchObject({ iss: key, bridge: fixture.cast.bridge.id, size: Number(first.last?.['size']) + 1 });
    expect(JSON.parse(readFileSync(join(data, 'cosigned.json'), 'utf8'))).toEqual(cosigned);
  }, 60_000);

  it('is checked with the bridge’s key as text or in a file, and with no other', async () => {
    const bridgeKey = fixture.cast.bridge.key.publicKey;
    const [keyFile, otherFile] = [join(folder.path, 'bridge.pub'), join(folder.path, 'other.txt')];
    writeFileSync(keyFile, `${bridgeKey}\n`);
    writeFileSync(otherFile, 'not a key\n');
    const lookWith = (named: string, at: number) =>
      runCommand([...words(join(folder.path, `named-${at}`)), '--once', '--bridge-key', named]);
    for (const [at, named] of [bridgeKey, keyFile].entries()) {
      const done = await lookWith(named, at);
      expect(done.status, done.stderr).toBe(0);
      expect(done.last).toMatchObject({ event: 'seen' });
    }
    for (const named of [otherFile, join(folder.path, 'nowhere')])
      expect(codeOf((await lookWith(named, 2)).stderr), named).toBe('usage');
  }, 60_000);

  it('lets `verify` require the witness', async () => {
    await event();
    const answer = await fixture.get(`/v1/clips/${parcel.clipId}/custody`, fixture.access(parcel.clipId));
    const { receipt, proof } = CustodyBundle.parse(answer.body);
    const whole = printProof(proof);
    const verify = (witnessKeys: string[]) =>
      verifyClip(bytesOf(parcel.clip), parcel.manifestToken, { receipt, proof: whole, witnessKeys });
    expect((await verify([key])).custody?.witnesses).toEqual([key]);
    const stranger = makeParty('owner', fixture.random).key.publicKey;
    const own = importSigningKey(readFileSync(join(data, 'signing.key'), 'utf8').trim());
    if (!own) throw new Error('the witness has no key');
    // A cosignature of the witness for another tree of this bridge.
    const elsewhere = { ...claimsOf(proof.cosignatures[0] ?? ''), size: 1 };
    proof.cosignatures = [fixture.cast.sign('doorsill-cosignature+jws', elsewhere, { id: 'witness', key: own })];
    const moved = printProof(proof);
    await expect(
      verifyClip(bytesOf(parcel.clip), parcel.manifestToken, { receipt, proof: moved, witnessKeys: [key] }),
    ).rejects.toMatchObject({ code: 'verify_failed', facts: { detail: 'a cosignature does not verify' } });
    await expect(verify([key, stranger])).rejects.toMatchObject({ code: 'verify_failed' });
  });

  it('is watched by a long-running process, which stops on Ctrl-C', { tags: ['long'], timeout: 60_000 }, async () => {
    const watching = new Running([...words(), '--every', '1']);
    try {
      const ready = await watching.line('the witness', (line) => line['event'] === 'ready');
      expect(ready['key']).toBe(key);
      const before = await watching.line('a look', (line) => line['event'] === 'seen');
      await event();
      const grown = Number(before['size']) + 1;
      await watching.line('the larger tree', (line) => line['size'] === grown);
      expect((await served()).cosigned).not.toBeNull();
    } finally {
      await watching.stop();
    }
    expect(await watching.ended()).toBe(0);
  });
});

describe('the bridge', () => {
  it('accepts cosignatures of its own log by named witnesses, and no others', async () => {
    const { cast } = fixture;
    const head = (await served()).head;
    const { size, root } = z.object({ size: z.int(), root: z.string() }).parse(claimsOf(head));
    const own = importSigningKey(readFileSync(join(data, 'signing.key'), 'utf8').trim());
    if (!own) throw new Error('the witness has no key');
    const named = { id: 'witness', key: own };
    const stranger = makeParty('owner', fixture.random);
    const cosign = (by: typeof named, changes: object = {}, about = head) => {
      const iss = by.key.publicKey;
      const said = { iss, aud: 'public', iat: cast.nowS(), bridge: cast.bridge.id, size, root, ...changes };
      const cosignature = cast.sign('doorsill-cosignature+jws', said, by);
      return fixture.post('/v1/custody/cosignatures', { head: about, cosignature });
    };
    const forged = cast.sign('doorsill-tree-head+jws', { ...claimsOf(head), iss: stranger.key.publicKey }, stranger);
    // Signed by the bridge's own key, but not for its log: as from before a backup was restored.
    const lost = cast.sign('doorsill-tree-head+jws', { ...claimsOf(head), size: size + 7 }, cast.bridge);
    const other = cast.sign('doorsill-tree-head+jws', { ...claimsOf(head), root: 'a'.repeat(64) }, cast.bridge);
    const answers = [
      await cosign(stranger),
      await cosign(named, { size: size - 1 }),
      await cosign(named, { root: 'a'.repeat(64) }),
      await cosign(named, { bridge: 'bridge-other' }),
      await cosign(named, { aud: 'bridge-other' }),
      await cosign(named, {}, forged),
      await cosign(named, { size: size + 7 }, lost),
      await cosign(named, { root: 'a'.repeat(64) }, other),
    ];
    expect(new Set(answers.map(({ status, body }) => `${status} ${body['code']}`))).toEqual(
      new Set(['403 custody_cosignature_refused']),
    );
    expect((await cosign(named)).status).toBe(201);
  });
});

describe('a witness', () => {
  it('accepts the pinned key alone, and no head from the future', async () => {
    const elsewhere = join(folder.path, 'pinned');
    expect(await lookHere(elsewhere, key)).toBe('custody_head_refused');
    fixture.clock.shiftS = CLOCK_SKEW_S_MAX + 60;
    expect(await lookHere(elsewhere)).toBe('custody_head_refused');
    fixture.clock.shiftS = 0;
    expect(await lookHere(elsewhere)).toMatchObject({ served: 'custody_cosignature_refused' });
    expect(await lookHere(elsewhere, key)).toBe('custody_head_refused');
  });

  it('does not start over when its memory is damaged', async () => {
    const elsewhere = join(folder.path, 'damaged');
    await lookHere(elsewhere);
    writeFileSync(join(elsewhere, 'memory.json'), '{}');
    expect(await lookHere(elsewhere)).toBe('state_damaged');
  });

  it('does not report a late answer as a rollback, and waits for a newer one', async () => {
    const elsewhere = join(folder.path, 'late');
    const late = (await served()).head;
    await event();
    fixture.clock.shiftS = 5;
    await lookHere(elsewhere);
    fixture.clock.shiftS = 0;
    const replaying = createServer((_, response) => void response.end(JSON.stringify({ head: late, cosigned: null })));
    await new Promise<void>((resolve) => replaying.listen(0, '127.0.0.1', resolve));
    const address = replaying.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const witness = new Witness({
      clock: new SystemClock(),
      random: fixture.random,
      disk: fixture.disk,
      log: silentLog(),
      folder: elsewhere,
      bridgeUrl: `http://127.0.0.1:${port}`,
    });
    await witness.start();
    await expect(witness.look()).rejects.toMatchObject({ code: 'custody_head_refused' });
    await new Promise((resolve) => replaying.close(resolve));
    expect(await lookHere(elsewhere)).toMatchObject({ size: expect.any(Number) });
  });
});

describe('a log that was rolled back', () => {
  it('is reported by the running witness, which keeps both heads and reports it again at every start', {
    tags: ['long'],
    timeout: 60_000,
  }, async () => {
    const early = await backup();
    await event();
    const watching = new Running([...words(), '--every', '1']);
    await watching.line('a look', (line) => line['event'] === 'seen');
    const seen = readFileSync(join(data, 'memory.json'), 'utf8');
    // The database from before that event, on the same address, as after a restored backup.
    await restore(early);
    expect(await watching.ended(20)).toBe(3);
    expect(codeOf(watching.stderr)).toBe('custody_rollback');
    const { alarm } = z
      .object({ alarm: z.object({ heads: z.array(z.string()) }) })
      .parse(JSON.parse(readFileSync(join(data, 'memory.json'), 'utf8')));
    const sizes = alarm.heads.map((head) => Number(claimsOf(head)['size']));
    expect(sizes[1]).toBeLessThan(sizes[0] ?? 0);
    // It grew past the old size meanwhile: the alarm stays.
    for (let more = 0; more < 3; more += 1) await event();
    const again = await look();
    expect([again.status, codeOf(again.stderr)]).toEqual([3, 'custody_rollback']);

    // A witness that saw no smaller tree detects the rewritten beginning by the proof.
    writeFileSync(join(data, 'memory.json'), seen);
    expect(await lookHere(data)).toBe('custody_fork');
    expect(await lookHere(data)).toBe('custody_fork');
  });

  it('is detected when two trees have the same size', async () => {
    const elsewhere = join(folder.path, 'twins');
    const early = await backup();
    await event();
    expect(await lookHere(elsewhere)).toMatchObject({ size: expect.any(Number) });
    await restore(early);
    await event();
    expect(await lookHere(elsewhere)).toBe('custody_fork');
  });
});

async function* bytesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
