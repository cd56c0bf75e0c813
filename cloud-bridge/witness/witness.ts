// Watches one bridge's log from outside: each head must extend the last one; then it is stored and cosigned, otherwise it raises a
// permanent alarm.
import { join } from 'node:path';
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { isPublicKey, type SigningKey, sha256, sha256Hex, verifySignature } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { fromHex, fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { type Cosignature, TreeHead } from '@doorsill/contract/custody';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { actorId, publicKeySchema } from '@doorsill/contract/ids';
import { exchangeJson } from '@doorsill/contract/json-client';
import { openToken, signToken } from '@doorsill/contract/jws';
import { isConsistent } from '@doorsill/contract/merkle';
import { CLOCK_SKEW_S_MAX } from '@doorsill/contract/owner-orders';
import { parseJson } from '@doorsill/contract/parse-json';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import { z } from 'zod';
import { consistencyAnswerSchema, headAnswerSchema } from '../custody/custody-answers.ts';
import { signingKeyIn } from '../signing/server-secrets.ts';

const headSchema = z.string().max(1_024);

const memorySchema = z.strictObject({
  bridgeKey: publicKeySchema,
  /** The newest head that was accepted, as the bridge signed it. */
  head: headSchema.nullable(),
  /** Two heads that contradict each other. Stays until a person removes it. */
  alarm: z
    .strictObject({
      code: z.enum(['custody_rollback', 'custody_fork']),
      detail: z.string().max(600),
      heads: z.tuple([headSchema, headSchema]),
    })
    .nullable(),
});
type Memory = z.infer<typeof memorySchema>;

const FILE_BYTES_MAX = 16_384;

const memoryPath = (folder: string) => join(folder, 'memory.json');

/** The stored memory; null at the first start. Throws `state_damaged`: a witness without memory would cosign everything. */
async function loadMemory(disk: Disk, folder: string): Promise<Memory | null> {
  const bytes = await disk.readFile(memoryPath(folder), FILE_BYTES_MAX);
  if (!bytes) return null;
  const memory = memorySchema.safeParse(parseJson(fromUtf8(bytes) ?? ''));
  if (!memory.success)
    throw failure('state_damaged', { file: memoryPath(folder), detail: 'it is not a witness’s memory' });
  return memory.data;
}

/** Durable when it resolves. */
async function storeMemory(disk: Disk, folder: string, memory: Memory): Promise<void> {
  await disk.replaceFile(memoryPath(folder), utf8(`${JSON.stringify(memorySchema.parse(memory), null, 1)}\n`));
}

/** A witness's dependencies, its folder, and the bridge that it watches. */
export interface WitnessDeps {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  folder: string;
  bridgeUrl: string;
  /** The bridge's key, if known from elsewhere; otherwise the key of the first answer is pinned. */
  bridgeKey?: string;
}

export interface Look {
  size: number;
  root: string;
  /** True when the bridge serves the cosignature; otherwise the code of its refusal. */
  served: true | string;
}

interface Seen {
  token: string;
  claims: TreeHead;
}

const bridgeFactsSchema = z.object({ key: publicKeySchema });

/** A witness of one bridge's log. */
export class Witness {
  private readonly deps: WitnessDeps;
  private key: SigningKey | null = null;
  private memory: Memory | null = null;

  constructor(deps: WitnessDeps) {
    this.deps = deps;
  }

  /**
   * Loads key and memory. Throws `custody_rollback` or `custody_fork` again if that was found before, `state_damaged`,
   * `custody_head_refused` if another bridge's key was pinned.
   */
  async start(): Promise<void> {
    const { disk, random, folder, bridgeKey } = this.deps;
    await disk.makeFolder(folder);
    this.key = await signingKeyIn(disk, random, folder);
    await disk.replaceFile(join(folder, 'witness.pub'), utf8(`${this.key.publicKey}\n`));
    this.memory = await loadMemory(disk, folder);
    if (this.memory?.alarm) throw this.alarmOf(this.memory.alarm);
    if (this.memory && bridgeKey !== undefined && bridgeKey !== this.memory.bridgeKey) {
      throw failure('custody_head_refused', { detail: `another key is pinned in ${memoryPath(folder)}` });
    }
  }

  /** The key for `verify --witness-key` and the bridge's settings. */
  get publicKey(): string {
    return this.own().publicKey;
  }

  private own(): SigningKey {
    if (!this.key) throw failure('not_running', { folder: this.deps.folder });
    return this.key;
  }

  /**
   * Fetches and checks the newest head. Throws `custody_rollback`, `custody_fork` (stored first), and the temporary failures
   * `custody_head_refused`, `unreachable`.
   */
  async look(): Promise<Look> {
    const memory = this.memory ?? { bridgeKey: await this.firstKey(), head: null, alarm: null };
    const head = this.openHead((await this.ask('/v1/custody/head', headAnswerSchema)).head, memory.bridgeKey);
    const known = memory.head === null ? null : this.openHead(memory.head, memory.bridgeKey);
    if (known) await this.judge(known, head, memory);
    const { disk, folder } = this.deps;
    // Durable before it is cosigned: a witness that lost this head could be tricked into cosigning another one.
    this.memory = { ...memory, head: head.token };
    await storeMemory(disk, folder, this.memory);
    const cosignature = this.cosign(head);
    const cosigned = { head: head.token, cosignatures: [cosignature] };
    await disk.replaceFile(join(folder, 'cosigned.json'), utf8(`${JSON.stringify(cosigned)}\n`));
    const { size, root } = head.claims;
    return { size, root, served: await this.offer(head, cosignature) };
  }

  /** Checks every `everyMs` until the signal ends it; reports results and temporary failures. Rejects with the alarm. */
  async watch(
    everyMs: number,
    signal: AbortSignal,
    report: { seen: (look: Look) => void; trouble: (why: Failure) => void },
  ): Promise<void> {
    while (!signal.aborted) {
      try {
        report.seen(await this.look());
      } catch (thrown) {
        if (!isFailure(thrown) || !thrown.retryable) throw thrown;
        report.trouble(thrown);
      }
      await this.deps.clock.sleep(everyMs, signal).catch(() => undefined);
    }
  }

  /** Throws unless `head` extends `known`. */
  private async judge(known: Seen, head: Seen, memory: Memory): Promise<void> {
    const [older, newer] = [known.claims, head.claims];
    if (newer.size < older.size) {
      // An old head may arrive late, but an honest bridge never signs a smaller tree later.
      if (newer.iat <= older.iat)
        throw failure('custody_head_refused', { detail: 'the head is older than the last one' });
      await this.raise(
        'custody_rollback',
        `it had ${older.size} leaves and now signs a tree of ${newer.size}`,
        known,
        head,
        memory,
      );
    }
    if (newer.size === older.size) {
      if (newer.root !== older.root) {
        await this.raise('custody_fork', `it signed two different trees of ${newer.size} leaves`, known, head, memory);
      }
      return;
    }
    const query = `/v1/custody/consistency?from=${older.size}&to=${newer.size}`;
    const { path } = await this.ask(query, consistencyAnswerSchema);
    if (!isConsistent(treeOf(older), treeOf(newer), path.map(bytesOf), sha256)) {
      const detail = `its ${newer.size} leaves do not begin with its former ${older.size}`;
      await this.raise('custody_fork', detail, known, head, memory);
    }
  }

  private async raise(
    code: 'custody_rollback' | 'custody_fork',
    detail: string,
    known: Seen,
    head: Seen,
    memory: Memory,
  ): Promise<never> {
    const alarm = { code, detail, heads: [known.token, head.token] as [string, string] };
    this.memory = { ...memory, alarm };
    await storeMemory(this.deps.disk, this.deps.folder, this.memory);
    this.deps.log.error(
      'the bridge has changed its signed custody log; keep memory.json, which has both signed heads as proof, and tell those who rely on the bridge',
      { code, detail },
    );
    throw this.alarmOf(alarm);
  }

  private alarmOf({ code, detail }: NonNullable<Memory['alarm']>): Failure {
    return failure(code, { detail, file: memoryPath(this.deps.folder) });
  }

  private async firstKey(): Promise<string> {
    if (this.deps.bridgeKey !== undefined) return this.deps.bridgeKey;
    const { key } = await this.ask('/v1/bridge', bridgeFactsSchema);
    if (!isPublicKey(key)) throw failure('custody_head_refused', { detail: 'the address serves no valid key' });
    return key;
  }

  private openHead(token: string, bridgeKey: string): Seen {
    const opened = openToken(token, {
      typ: 'doorsill-tree-head+jws',
      schema: TreeHead,
      audience: PUBLIC_AUDIENCE,
      keys: [bridgeKey],
      verify: verifySignature,
    });
    if (!opened.ok) throw failure('custody_head_refused', { detail: `the head: ${opened.fault}` });
    // After a head dated in the future every later one would look old.
    if (opened.claims.iat > wallSeconds(this.deps.clock) + CLOCK_SKEW_S_MAX) {
      throw failure('custody_head_refused', { detail: 'the head is dated in the future' });
    }
    return { token, claims: opened.claims };
  }

  private cosign({ claims }: Seen): string {
    const key = this.own();
    const cosignature: Cosignature = {
      iss: key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: wallSeconds(this.deps.clock),
      bridge: actorId('bridge', sha256Hex(claims.iss)),
      size: claims.size,
      root: claims.root,
    };
    return signToken('doorsill-cosignature+jws', cosignature, key);
  }

  /** Sends the cosignature to the bridge; its refusal is only logged, since the witness has stored the head. */
  private async offer(head: Seen, cosignature: string): Promise<true | string> {
    try {
      const body = { head: head.token, cosignature };
      await exchangeJson(`${this.base}/v1/custody/cosignatures`, { method: 'POST', body });
      return true;
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      this.deps.log.warn(
        'the bridge did not take this witness’s cosignature; the witness has stored the head all the same',
        { code: thrown.code, detail: thrown.message },
      );
      return thrown.code;
    }
  }

  private get base(): string {
    return this.deps.bridgeUrl.replace(/\/+$/, '');
  }

  private async ask<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.infer<Schema>> {
    const answer = schema.safeParse(await exchangeJson(this.base + path, { method: 'GET' }));
    if (answer.success) return answer.data;
    throw failure('custody_head_refused', { detail: `the answer to ${path.replace(/\?.*/, '')} is not a bridge’s` });
  }
}

const bytesOf = (hex: string) => fromHex(hex) ?? new Uint8Array();
const treeOf = ({ size, root }: TreeHead) => ({ size, root: bytesOf(root) });
