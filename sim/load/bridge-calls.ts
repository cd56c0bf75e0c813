// Owns: the calls that a bridge is loaded with, as its contract (OpenAPI, at /openapi.json) has them: an agency asks, looks at its requests,
// resolves them, lists its clips and downloads them. Not here: when they are made and what they came to (load-run.ts), signing (officer/).

import { createHash } from 'node:crypto';
import type { SigningKey } from '@doorsill/base/keys';
import { exchangeJson, withinTime } from '@doorsill/contract/json-client';
import { parseJson } from '@doorsill/contract/parse-json';
import { failureOf } from '@doorsill/contract/problem';
import { z } from 'zod';
import { failure, isFailure } from '../errors.ts';
import type { FleetTown } from '../fleet/fleet-profile.ts';
import { askAbout } from '../fleet/fleet-questions.ts';
import {
  type Ask,
  type ClipEntry,
  callAboutRequest,
  listClipPage,
  type OfficerDeps,
  postRequest,
  signAccess,
  signRequest,
} from '../officer/agency-client.ts';

/** What is done, each with latencies of its own. */
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

/** A clip that an agency was shown, as the list has it. */
export interface KnownClip {
  readonly agency: SigningKey;
  readonly entry: ClipEntry;
}

/** What became of a download: `handed-over` where the bridge names the vault, which takes a token of its own. */
export type Downloaded = { readonly is: 'whole'; readonly bytes: number } | { readonly is: 'handed-over' | 'broken' };

const factsSchema = z.object({ id: z.string() });

/** The id of the bridge at an address, to which calls are addressed. Throws `unreachable`. */
export async function bridgeAt(url: string): Promise<BridgeAddress> {
  const facts = factsSchema.safeParse(await exchangeJson(`${url}/v1/bridge`, { method: 'GET' }));
  if (!facts.success)
    throw failure('unreachable', { what: 'the bridge', where: url, detail: 'it does not say who it is' });
  return { id: facts.data.id, url };
}

/** All of it at one bridge. Each throws the bridge's coded refusal, or `unreachable`. */
export class BridgeCalls {
  private readonly deps: OfficerDeps;
  private readonly bridge: BridgeAddress;
  private readonly town: FleetTown;
  private readonly category: string;

  /** `category`: how the agencies file what they get, as they are registered for. */
  constructor(deps: OfficerDeps, bridge: BridgeAddress, town: FleetTown, category: string) {
    this.deps = deps;
    this.bridge = bridge;
    this.town = town;
    this.category = category;
  }

  /** Posts a request about the town's first area; resolves with it. */
  async ask(agency: SigningKey): Promise<OpenRequest> {
    const { id, token } = signRequest(this.deps, agency, this.bridge.id, this.question());
    await postRequest(this.bridge.url, token);
    return { agency, request: id };
  }

  /** Whether a request may still be answered. */
  async see({ agency, request }: OpenRequest): Promise<boolean> {
    const { state } = await callAboutRequest(this.deps, agency, this.bridge, request, 'see');
    return !STATES_OVER.includes(state);
  }

  /** Ends a request: what was published is resolved, what waits for a moderator is withdrawn. */
  async resolve({ agency, request }: OpenRequest): Promise<void> {
    const { state } = await callAboutRequest(this.deps, agency, this.bridge, request, 'see');
    if (STATES_OVER.includes(state)) return;
    const verb = state === 'published' ? 'resolve' : 'withdraw';
    await callAboutRequest(this.deps, agency, this.bridge, request, verb);
  }

  /** The newest clips of an agency: one page. */
  async list(agency: SigningKey): Promise<KnownClip[]> {
    const { clips } = await listClipPage(this.deps, agency, this.bridge, WHO);
    return clips.map((entry) => ({ agency, entry }));
  }

  /** Fetches a clip whole, and compares it with what the list said of it. Nothing of it is kept. */
  async download({ agency, entry }: KnownClip, signal: AbortSignal): Promise<Downloaded> {
    const { clip, bytes, sha256 } = entry;
    const bearer = signAccess(this.deps, agency, this.bridge.id, { clip, ...WHO });
    const unreachable = (detail: string, cause?: unknown) =>
      failure('unreachable', { what: 'the bridge', where: this.bridge.url, detail }, cause);
    try {
      return await withinTime(DOWNLOAD_MS_MAX, signal, async (ending): Promise<Downloaded> => {
        const response = await fetch(`${this.bridge.url}/v1/clips/${clip}`, {
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
