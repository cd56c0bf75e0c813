// Every changed byte of a real demo's clip, manifest, receipt and proof is detected, and the bridge's log has nothing private of the home.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SystemDisk } from '../../../device/base/disk.ts';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import { fromUtf8 } from '../../../device/contract/bytes.ts';
import { DEMO_HOME } from '../../../sim/testbed/testbed.ts';
import { readVaultClip, vaultItem } from '../../../sim/testbed/vault-clip.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';
import { Sqlite } from '../../support/sqlite.ts';

const folder = temporaryFolder('custody');
const data = join(folder.path, 'demo');
const NAMES = ['clip.mp4', 'manifest.jws', 'receipt.jws', 'proof.json'] as const;
type Name = (typeof NAMES)[number];
type Papers = Record<Name, Uint8Array>;

let papers: Papers;
let clipFolder: string;
let bridgeKey: string;
/** Number of detected changes. */
let found = 0;

beforeAll(async () => {
  const camera = 'synthetic?size=320x180&audio=off';
  const words = ['demo', '--data', data, '--camera', camera, '--disclose', 'name,email,phone', '--json'];
  const done = await runCommand(words);
  expect(done.status, done.stderr).toBe(0);
  clipFolder = dirname(z.object({ clip: z.string() }).parse(done.last).clip);
  const read = (name: Name) => new Uint8Array(readFileSync(join(clipFolder, name)));
  papers = {
    'clip.mp4': read('clip.mp4'),
    'manifest.jws': read('manifest.jws'),
    'receipt.jws': read('receipt.jws'),
    'proof.json': read('proof.json'),
  };
  const enrolment = readFileSync(join(data, 'doorbell', 'enrolment.json'), 'utf8');
  bridgeKey = z.object({ bridgeKey: z.string() }).parse(JSON.parse(enrolment)).bridgeKey;
}, 120_000);
afterAll(() => folder.dispose());

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Verifies documents as the command line does; returns the code, or null if valid. */
async function faultOf(of: Papers): Promise<string | null> {
  const text = (name: Name) => fromUtf8(of[name])?.replace(/\r?\n$/, '') ?? '';
  const expected = { bridgeKey, receipt: text('receipt.jws'), proof: text('proof.json') };
  return verifyClip(once(of['clip.mp4']), text('manifest.jws'), expected).then(
    () => null,
    (thrown: { code?: string }) => thrown.code ?? 'no code',
  );
}

/** The documents with one byte of one of them changed. */
function changed(name: Name, at: number, by: number): Papers {
  const bytes = Uint8Array.from(papers[name]);
  bytes[at] = (bytes[at] ?? 0) ^ by;
  return { ...papers, [name]: bytes };
}

/** Places of each kind in a file: its ends, and separators of tokens, JSON and MP4. */
function edges(name: Name): number[] {
  const bytes = papers[name];
  const marks = new Set(Buffer.from('."{}[],:\\'));
  const found = [...bytes.keys()].filter((at) => (name === 'clip.mp4' ? at < 64 : marks.has(bytes[at] ?? 0)));
  return [0, 1, bytes.length - 2, bytes.length - 1, ...found.slice(0, 40), ...found.slice(-40)];
}

const anyByte = (name: Name) =>
  fc.tuple(
    fc.oneof(fc.nat({ max: papers[name].length - 1 }), fc.constantFrom(...edges(name))),
    fc.integer({ min: 1, max: 255 }),
  );

describe('a demo’s papers', () => {
  it('verify offline by the command line, with the bridge’s key pinned, named or in a file', async () => {
    const [clip, manifest, receipt, proof] = NAMES.map((name) => join(clipFolder, name));
    const keyFile = join(folder.path, 'bridge.pub');
    writeFileSync(keyFile, `${bridgeKey}\n`);
    const words = ['verify', clip, manifest, '--receipt', receipt, '--proof', proof, '--json'].map(String);
    for (const key of [
      ['--data', data],
      ['--bridge-key', keyFile],
    ]) {
      const done = await runCommand([...words, ...key]);
      expect(done.status, done.stderr).toBe(0);
      expect(done.last).toMatchObject({ ok: true, custody: { witnesses: [] }, receipt: { iss: bridgeKey } });
    }
  });

  it.each(NAMES)('are found out when any byte of %s is another', { tags: ['long'] }, async (name) => {
    expect(await faultOf(papers)).toBeNull();
    await fc.assert(
      fc.asyncProperty(anyByte(name), async ([at, by]) => {
        expect(await faultOf(changed(name, at, by)), `byte ${at} ^ ${by}`).toBe('verify_failed');
        found += 1;
      }),
      { numRuns: name === 'clip.mp4' ? 100 : 250 },
    );
  });

  it('are refused when truncated, extended or mixed', { tags: ['long'] }, async (test) => {
    const space = (bytes: Uint8Array, before: string, after: string) =>
      new Uint8Array(Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]));
    const other = Buffer.from(papers['proof.json']).toString();
    const head = z.object({ head: z.string() }).parse(JSON.parse(other)).head;
    const variants: Papers[] = NAMES.flatMap((name) => [
      { ...papers, [name]: papers[name].subarray(0, -1) },
      { ...papers, [name]: papers[name].subarray(1) },
      { ...papers, [name]: space(papers[name], ' ', '') },
      { ...papers, [name]: space(papers[name], '\ufeff', '') },
      { ...papers, [name]: space(papers[name], '', '  ') },
      { ...papers, [name]: space(papers[name], '', '\0') },
      { ...papers, [name]: new Uint8Array() },
    ]);
    variants.push(
      { ...papers, 'receipt.jws': papers['manifest.jws'] },
      { ...papers, 'manifest.jws': papers['receipt.jws'] },
      {
        ...papers,
        'proof.json': new Uint8Array(Buffer.from(other.replace('"cosignatures":[]', `"cosignatures":["${head}"]`))),
      },
      { ...papers, 'proof.json': new Uint8Array(Buffer.from(JSON.stringify(JSON.parse(other), null, 1))) },
    );
    for (const [at, variant] of variants.entries())
      expect(await faultOf(variant), `variant ${at}`).toBe('verify_failed');
    proved(
      test,
      'one changed byte of clip, manifest, receipt or proof is found',
      `${found} changed bytes, ${variants.length} other changes`,
    );
  });

  it('are refused by the command line on one line with the code', async () => {
    const broken = join(folder.path, 'proof.json');
    writeFileSync(broken, changed('proof.json', 40, 1)['proof.json']);
    const [clip, manifest, receipt] = NAMES.map((name) => join(clipFolder, name));
    const words = ['verify', clip, manifest, '--receipt', receipt, '--proof', broken, '--json'].map(String);
    const done = await runCommand(words);
    expect([done.status, JSON.parse(done.stderr)]).toMatchObject([3, { error: { code: 'verify_failed' } }]);
  });
});

/** Encodings in which a text could be in a file: plain, base64 at each of three offsets, hex. */
function disguises(text: string): string[] {
  const bytes = Buffer.from(text);
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64url')
      .slice(shift === 0 ? 0 : shift + 1, -2),
  );
  return [text, bytes.toString('hex'), ...base64];
}

it('the log holds no name, address, email or phone of the home, nor who asked for what', async () => {
  const file = new Sqlite(join(data, 'bridge', 'bridge.sqlite'), { readonly: true });
  const dump = (table: string) =>
    (file.prepare(`select * from ${table}`).all() as object[])
      .map((row) =>
        Object.values(row)
          .map((cell) => (cell instanceof Uint8Array ? Buffer.from(cell).toString('latin1') : String(cell)))
          .join('\n'),
      )
      .join('\n');
  const tables = (file.prepare(`select name from sqlite_schema where type = 'table'`).all() as { name: string }[])
    .map(({ name }) => name)
    .filter((name) => name.startsWith('custody_'));
  expect(tables.sort()).toEqual(['custody_cosignatures', 'custody_leaves', 'custody_nodes', 'custody_secret']);
  const secrets = Object.values(DEMO_HOME.disclosure).flatMap(disguises);
  secrets.push(...['Rivera', 'rivera@', 'Springfield'].flatMap(disguises));
  const found = (text: string) => secrets.filter((secret) => text.includes(secret));
  const [item = ''] = readdirSync(join(data, 'vault', 'blobs'));
  const { disclosed } = await readVaultClip(new SystemDisk(), vaultItem(data, item));
  const log = tables.map(dump).join('\n');
  expect(log).toContain('"kind":"intake"');
  expect(found(log)).toEqual([]);
  expect(found(dump('intakes'))).toEqual([]);
  // Nor has the statement: the facts are encrypted with the clip, where the same search finds them once it is opened.
  expect(found(Buffer.from(papers['manifest.jws']).toString('latin1'))).toEqual([]);
  expect(found(JSON.stringify(disclosed)).length).toBeGreaterThan(0);
  file.close();
});
