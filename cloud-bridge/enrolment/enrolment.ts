// A code lets each device in once. The bridge never learns where devices are.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { networkOf } from '@doorsill/base/http/address-networks';
import { isPublicKey, type SigningKey, sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { issueAccount } from '@doorsill/base/mqtt-account-files';
import type { Random } from '@doorsill/base/random';
import { toBase64url, utf8 } from '@doorsill/contract/bytes';
import { EnrolmentStatement, enrolmentProofSchema, printEnrolmentCode } from '@doorsill/contract/enrolment';
import { failure, isFailure } from '@doorsill/contract/errors';
import { actorId } from '@doorsill/contract/ids';
import { signToken } from '@doorsill/contract/jws';
import type { AccountRole } from '@doorsill/contract/topic-access';
import type { RateLimit, RateLimits } from '../http/rate-limits.ts';
import { assertLife, peekToken, readToken } from '../signing/verify-token.ts';
import type { EnrolmentStore } from './enrolment-store.ts';

export interface EnrolmentDeps {
  clock: Clock;
  random: Random;
  log: Log;
  store: EnrolmentStore;
  accounts: AccountBook;
  key: SigningKey;
  bridgeId: string;
  registryKey: string;
  /** The area broker as devices reach it; `ca`: PEM of its CA certificate, unless that CA is publicly trusted. */
  area: { url: string; prefix: string; ca: () => Promise<string | undefined> };
  codeLifeS: number;
  limits: RateLimits;
}

export interface CodeWish {
  devices?: number | undefined;
  lifeS?: number | undefined;
}

/** A code as its operator sees it afterwards. `id` is derived from the secret's hash and lets nobody in. */
export interface KnownCode {
  id: string;
  devices: number;
  enrolled: number;
  /** Seconds since 1970. */
  expiresS: number;
}
export type PrintedCode = Omit<KnownCode, 'enrolled'> & { code: string };

const CODE_ID_PREFIX = 'code-';
export const CODE_ID = /^code-[0-9a-f]{32}$/;

const codeId = (secretSha256: string) => CODE_ID_PREFIX + secretSha256.slice(0, 32);

const PROOF_LIFE_S_MAX = 600;
const FAILURES_MAX = 20;
const FAILURE_SPAN_MS = 10 * 60_000;

export class Enrolment {
  private readonly deps: EnrolmentDeps;
  private readonly attempts: RateLimit;

  constructor(deps: EnrolmentDeps) {
    this.deps = deps;
    this.attempts = deps.limits.limit('refused enrolments', FAILURES_MAX, FAILURE_SPAN_MS);
  }

  /**
   * A new code for the bridge at `url`; only its secret's hash is stored. By default for one device and with the configured life.
   */
  async printCode(url: string, wish: CodeWish = {}): Promise<PrintedCode> {
    const { random, clock, store, codeLifeS, key, registryKey, log } = this.deps;
    const { devices = 1, lifeS = codeLifeS } = wish;
    const secret = toBase64url(random.bytes(32));
    const nowS = wallSeconds(clock);
    const expiresS = nowS + lifeS;
    const secretSha256 = sha256Hex(secret);
    await store.addCode(secretSha256, expiresS, nowS, devices);
    const code = printEnrolmentCode({
      url,
      bridge: sha256Hex(key.publicKey),
      registry: sha256Hex(registryKey),
      secret,
    });
    const id = codeId(secretSha256);
    if (devices > 1) log.info('there is a new enrolment code for several devices', { code: id, devices, expiresS });
    return { code, id, devices, expiresS };
  }

  /** Codes that are still good, the next to expire first. */
  async codes(): Promise<KnownCode[]> {
    const known = await this.deps.store.codes(wallSeconds(this.deps.clock));
    return known.map(({ secretSha256, devicesMax: devices, enrolled, expiresS }) => ({
      id: codeId(secretSha256),
      devices,
      enrolled,
      expiresS,
    }));
  }

  /** Ends a code; devices that have enrolled with it stay. Throws `enrolment_code_unknown`. */
  async endCode(id: string): Promise<void> {
    if (!(await this.deps.store.endCode(id.slice(CODE_ID_PREFIX.length)))) throw failure('enrolment_code_unknown');
    this.deps.log.info('an enrolment code was ended; devices that enrolled with it stay enrolled', { code: id });
  }

  /**
   * Redeems a code for the device that signed `proof`; returns the bridge's signed statement. `address`: the caller's, to limit guessing.
   * Throws `enrolment_code_invalid`, `token_...`, `http_rate_limited`.
   */
  async enrol(secret: string, proof: string, address: string): Promise<string> {
    try {
      return await this.redeem(secret, proof);
    } catch (thrown) {
      if (isFailure(thrown)) await this.attempts.take(networkOf(address));
      throw thrown;
    }
  }

  private async redeem(secret: string, proof: string): Promise<string> {
    const { clock, store, accounts, log } = this.deps;
    const nowS = wallSeconds(clock);
    const { iss } = peekToken(proof, enrolmentProofSchema);
    // The device's key is not known yet: its signature proves possession, and its id is derived from the key.
    const claims = readToken(proof, {
      typ: 'doorsill-enrolment+jws',
      schema: enrolmentProofSchema,
      audience: this.deps.bridgeId,
      keys: [iss],
    });
    assertLife(claims, nowS, PROOF_LIFE_S_MAX);
    const device = actorId('device', sha256Hex(iss));
    if (!isPublicKey(iss) || claims.device !== device) throw failure('token_unknown_claims');
    const secretSha256 = sha256Hex(utf8(secret));
    // The proof is bound to this code, so that it cannot be reused with another one.
    if (claims.secretSha256 !== secretSha256) throw failure('enrolment_code_invalid');
    if (!(await store.redeem(secretSha256, { device, key: iss, enrolledS: nowS }))) {
      throw failure('enrolment_code_invalid');
    }
    const account = await accounts.issue('device-area', device);
    log.info('a device has enrolled', { device });
    return this.statement(device, account, await this.deps.area.ca(), nowS);
  }

  private statement(
    device: string,
    account: { user: string; password: string },
    ca: string | undefined,
    nowS: number,
  ): string {
    const { key, bridgeId, registryKey, area } = this.deps;
    const claims: EnrolmentStatement = {
      iss: key.publicKey,
      aud: device,
      iat: nowS,
      device,
      bridge: bridgeId,
      registry: registryKey,
      area: { url: area.url, ...account, prefix: area.prefix, ...(ca === undefined ? {} : { ca }) },
    };
    return signToken('doorsill-enrolment+jws', EnrolmentStatement.parse(claims), key);
  }
}

/** Who may connect to the area broker. Issuing again replaces the password. */
export interface AccountBook {
  issue(role: Extract<AccountRole, 'device-area' | 'bridge'>, id: string): Promise<{ user: string; password: string }>;
}

/** Accounts of the embedded broker: files in a folder. */
export function folderAccounts(disk: Disk, random: Random, folder: string): AccountBook {
  return { issue: (role, id) => issueAccount(disk, random, folder, { role, id }) };
}
