// Asks the pinned bridge, in the device's own name, for its log of one clip: only when an owner asks, and nothing is stored.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { FixedWindowLimit, WindowCounts } from '@doorsill/base/http/fixed-window-limit';
import type { SigningKey } from '@doorsill/base/keys';
import type { Network } from '@doorsill/base/network';
import { freshId, type Random } from '@doorsill/base/random';
import { ClipLeaves, CustodyBundle, type CustodyCall } from '@doorsill/contract/custody';
import { failure, isFailure } from '@doorsill/contract/errors';
import { signToken } from '@doorsill/contract/jws';
import { claimsHead } from '@doorsill/contract/owner-claims';
import { parseJson } from '@doorsill/contract/parse-json';
import type { SentClip, SentClipCustody } from '@doorsill/contract/sent-clips';
import { LIFE_S_MAX } from '@doorsill/contract/shared-claims';
import { BridgeHttp, readBridgeTls } from './bridge-http.ts';
import { baseOf, type PinnedBridge, refusalOf } from './intake-requests.ts';

export interface CustodyFetcherDeps {
  device: { id: string; key: SigningKey };
  /** The pinned bridge. Throws `device_not_enrolled`. */
  bridge(): PinnedBridge;
  /** Absent: the machine's network. */
  network?: Network | undefined;
  clock: Clock;
  random: Random;
}

/** Shorter than the connection at the device's socket that waits for it (`CONVERSATION_MS_MAX` in owner/pairing-wire.ts). */
const ANSWER_MS_MAX = 8_000;
/** Maximum number of checks per minute: an owner's page asks for one at a time. */
const CHECKS_MAX = 30;
const MINUTE_MS = 60_000;

export class CustodyFetcher {
  private readonly deps: CustodyFetcherDeps;
  private readonly limit: FixedWindowLimit;

  constructor(deps: CustodyFetcherDeps) {
    this.deps = deps;
    this.limit = new FixedWindowLimit(new WindowCounts(deps.clock, MINUTE_MS), CHECKS_MAX);
  }

  /**
   * The bridge's log entries of a clip sent to it, unchecked (contract/check-sent-clip.ts checks them). Throws `device_not_enrolled`,
   * `device_moved` when the clip was for another bridge, `http_rate_limited`, `custody_unreachable`, and the bridge's refusal:
   * `http_not_found` when it knows no clip of the grant.
   */
  async fetch({ grant, bridge: id }: Pick<SentClip, 'grant' | 'bridge'>): Promise<SentClipCustody> {
    const bridge = this.deps.bridge();
    if (bridge.id !== id) throw failure('device_moved', { bridge: id });
    this.limit.take('custody');
    const late = new AbortController();
    const timer = this.deps.clock.after(ANSWER_MS_MAX, () => late.abort());
    try {
      const tls = await readBridgeTls(bridge.tls);
      const { clock, network } = this.deps;
      const bearer = () => this.call(bridge.id, grant);
      const mayLeave = () => late.signal.throwIfAborted();
      const http = new BridgeHttp({
        baseUrl: baseOf(bridge),
        bearer,
        mayLeave,
        signal: late.signal,
        tls,
        network,
        clock,
      });
      try {
        return await custodyAt(http, grant);
      } finally {
        http.close();
      }
    } catch (thrown) {
      if (isFailure(thrown) && thrown.code !== 'upload_unreachable') throw thrown;
      throw unreachable(late.signal.aborted ? `no answer in ${ANSWER_MS_MAX / 1_000} s` : whyOf(thrown), thrown);
    } finally {
      timer.cancel();
    }
  }

  private call(bridge: string, grant: string): string {
    const { device, clock, random } = this.deps;
    const nowS = wallSeconds(clock);
    const author = { publicKey: device.key.publicKey, nowS, freshId: (prefix: string) => freshId(random, prefix) };
    const claims: CustodyCall = {
      ...claimsHead(author, bridge, 'custody'),
      exp: nowS + LIFE_S_MAX.custodyCall,
      device: device.id,
      grant,
    };
    return signToken('doorsill-custody+jws', claims, device.key);
  }
}

/** All leaves about the clip; from a bridge without a list of them, the one in its bundle. */
async function custodyAt(http: BridgeHttp, grant: string): Promise<SentClipCustody> {
  const path = `${http.baseUrl}/v1/intakes/${grant}/custody`;
  const listed = await http.createRequest('GET', `${path}/leaves`).send();
  if (listed.getStatus() === 200) {
    const leaves = ClipLeaves.safeParse(parseJson(listed.getBody()));
    if (!leaves.success) throw unreachable('its answer is not a bridge’s');
    return { ...leaves.data, isWhole: true };
  }
  if (listed.getStatus() !== 404) throw refusalOf(listed);
  const bundled = await http.createRequest('GET', path).send();
  if (bundled.getStatus() !== 200) throw refusalOf(bundled);
  const bundle = CustodyBundle.safeParse(parseJson(bundled.getBody()));
  if (!bundle.success) throw unreachable('its answer is not a bridge’s');
  return { receipt: bundle.data.receipt, leaves: [bundle.data.proof], isWhole: false };
}

function unreachable(detail: string, cause?: unknown) {
  return failure('custody_unreachable', { detail }, cause);
}

function whyOf(thrown: unknown): string {
  if (isFailure(thrown)) return String(thrown.facts['detail'] ?? thrown.message);
  return thrown instanceof Error ? thrown.message : 'no answer';
}
