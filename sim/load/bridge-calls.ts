import { createHash } from 'node:crypto';
import type { SigningKey } from '@doorsill/base/keys';
import { withinTime } from '@doorsill/contract/json-client';
import { parseJson } from '@doorsill/contract/parse-json';
import { failureOf } from '@doorsill/contract/problem';
import { z } from 'zod';
import { failure, isFailure } from '../errors.ts';
import { askAbout } from '../fleet/fleet-agency.ts';
import type { FleetTown } from '../fleet/fleet-profile.ts';
import {
  type Ask,
  type ClipEntry,
  callAboutRequest,
  listClipPage,
  type OfficerDeps,
  postRequest,
  signAccess,
  signFootageRequest,
} from '../officer/agency-client.ts';
import { call, operationUrl } from '../officer/service-client.ts';

/** The kinds of calls, each with its own latencies. */
export const CALL_KINDS = ['ask', 'see', 'resolve', 'list', 'download'] as const;
export type CallKind = (typeof CALL_KINDS)[number];

export interface BridgeAddress {
  readonly id: string;
  readonly url: string;
}

const EXPIRES_S = 3_600;
const DOWNLOAD_MS_MAX = 60_000;
const PROBLEM_BYTES_MAX = 10_000;
const WHO = { officer: 'load', reason: 'a load test' } as const;
const STATES_OVER: readonly string[] = ['resolved', 'expired', 'cancelled', 'refused'];

/** A request that this run has posted. */
export interface OpenRequest {
  readonly agency: SigningKey;
  readonly request: string;
}

/** A clip from the list of an agency. */
export interface ListedClip {
  readonly agency: SigningKey;
  readonly entry: ClipEntry;
}

/** The result of a download: `handed-over` where the bridge redirects to the vault, which needs a token of its own. */
export type Downloaded = { readonly is: 'whole'; readonly bytes: number } | { readonly is: 'handed-over' | 'broken' };

/** The bridge at an address, with its id, to which calls are addressed. Throws `unreachable`. */
export async function bridgeAt(url: string): Promise<BridgeAddress> {
  const { id } = await call({ url }, 'readBridge').catch((thrown: unknown) => {
    if (!(thrown instanceof z.ZodError)) throw thrown;
    throw failure('unreachable', { what: 'the bridge', where: url, detail: 'its answer names no bridge' }, thrown);
  });
  return { id, url };
}

/** The calls to one bridge. Each throws the bridge's coded refusal, or `unreachable`. */
export class BridgeCalls {
  private readonly deps: OfficerDeps;
  private readonly bridge: BridgeAddress;
  private readonly town: FleetTown;
  private readonly category: string;

  /** `category`: the retention category of the requests, one that the agencies are registered for. */
  constructor(deps: OfficerDeps, bridge: BridgeAddress, town: FleetTown, category: string) {
    this.deps = deps;
    this.bridge = bridge;
    this.town = town;
    this.category = category;
  }

  /** Posts a request about the town's first area; resolves with it. */
  async ask(agency: SigningKey): Promise<OpenRequest> {
    const { id, token } = signFootageRequest(this.deps, agency, this.bridge.id, this.question());
    await postRequest(this.bridge.url, token);
    return { agency, request: id };
  }

  /** Whether a request may still be answered. */
  async see({ agency, request }: OpenRequest): Promise<boolean> {
    const { state } = await callAboutRequest(this.deps, agency, this.bridge, request, 'see');
    return !STATES_OVER.includes(state);
  }

  /** Ends a request: resolves a published one, withdraws one that waits for a moderator. */
  async resolve({ agency, request }: OpenRequest): Promise<void> {
    const { state } = await callAboutRequest(this.deps, agency, this.bridge, request, 'see');
    if (STATES_OVER.includes(state)) return;
    const verb = state === 'published' ? 'resolve' : 'withdraw';
    await callAboutRequest(this.deps, agency, this.bridge, request, verb);
  }

  /** The newest clips of an agency: one page. */
  async list(agency: SigningKey): Promise<ListedClip[]> {
    const { clips } = await listClipPage(this.deps, agency, this.bridge, WHO);
    return clips.map((entry) => ({ agency, entry }));
  }

  /** Downloads a whole clip and compares its length and hash with the list's. Keeps nothing of it. */
  async download({ agency, entry }: ListedClip, signal: AbortSignal): Promise<Downloaded> {
    const { clip, bytes, sha256 } = entry;
    const bearer = signAccess(this.deps, agency, this.bridge.id, { clip, ...WHO });
    const unreachable = (detail: string, cause?: unknown) =>
      failure('unreachable', { what: 'the bridge', where: this.bridge.url, detail }, cause);
    try {
      return await withinTime(DOWNLOAD_MS_MAX, signal, async (ending): Promise<Downloaded> => {
        const response = await fetch(operationUrl(this.bridge.url, 'downloadClip', { clip }), {
          redirect: 'manual',
          headers: { authorization: `Bearer ${bearer}` },
          signal: ending,
        });
        if (response.status === 303) {
          await response.body?.cancel();
          return { is: 'handed-over' };
        }
        if (response.status !== 200)
          throw (await refusalOf(response)) ?? unreachable(`it answered with status ${response.status}`);
        const hash = createHash('sha256');
        let read = 0;
        for await (const chunk of response.body ?? []) {
          read += chunk.byteLength;
          if (read > bytes) break;
          hash.update(chunk);
        }
        return read === bytes && hash.digest('hex') === sha256 ? { is: 'whole', bytes } : { is: 'broken' };
      });
    } catch (thrown) {
      if (isFailure(thrown)) throw thrown;
      signal.throwIfAborted();
      throw unreachable(thrown instanceof Error ? thrown.message : String(thrown), thrown);
    }
  }

  private question(): Ask {
    const [area] = Object.values(this.town.areas);
    if (!area) throw failure('usage', { detail: 'the town has no area' });
    return {
      ...askAbout(this.deps, this.town, area),
      // An email would have to be at the agency's own domain.
      contact: { name: 'Load test', phone: '+1 217 555 0100' },
      retention: this.category,
      expiresInS: EXPIRES_S,
    };
  }
}

async function refusalOf(response: Response) {
  const text = (await response.text()).slice(0, PROBLEM_BYTES_MAX);
  return failureOf(parseJson(text));
}
