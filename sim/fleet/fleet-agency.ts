// The embedded agency: sends a request to every area of a fleet's town, again and again.
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { freshId, type Random } from '@doorsill/base/random';
import { isFailure } from '../errors.ts';
import { type Ask, listClips, type OfficerDeps, postRequest, signFootageRequest } from '../officer/agency-client.ts';
import { demoAsk } from '../story/demo-request.ts';
import type { FleetTown, TownArea } from './fleet-profile.ts';
import { areaPolygon } from './home-placement.ts';

const EXPIRES_S = 24 * 3_600;

export interface QuestionsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: Log;
  readonly bridge: { readonly id: string; readonly url: string };
  readonly agencyKey: SigningKey;
  readonly town: FleetTown;
  readonly everyMs: number;
}

/** The demo agency's request to the homes of an area: for the shortest window that it may ask for, up to now. */
export function askAbout({ clock, random }: OfficerDeps, town: FleetTown, area: TownArea): Ask {
  const nowUs = clock.wallUs();
  const ask = demoAsk(clock, town, { startUs: nowUs, endUs: nowUs }, 'address-and-email');
  // An agency may post an investigation twice at most.
  return { ...ask, investigation: freshId(random, 'case'), area: areaPolygon(town, area) };
}

export class FleetAgency {
  private readonly deps: QuestionsDeps;
  private readonly stopping = new AbortController();
  private asking: Promise<void> | null = null;
  private count = 0;
  /** How often the bridge refused, by code. */
  readonly refused = new Map<string, number>();

  constructor(deps: QuestionsDeps) {
    this.deps = deps;
  }

  /** Asks every area after each `everyMs`, until `stop`; less often if the bridge answers slowly. */
  start(): void {
    this.asking = this.askAgain();
  }

  /** Resolves when the running call, if any, has ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.asking;
  }

  /** Requests that the bridge has accepted. */
  get asked(): number {
    return this.count;
  }

  private async askAgain(): Promise<void> {
    const { clock, everyMs } = this.deps;
    const { signal } = this.stopping;
    for (let nextMs = clock.monotonicMs() + everyMs; ; nextMs = Math.max(nextMs + everyMs, clock.monotonicMs())) {
      await clock.sleep(Math.max(0, nextMs - clock.monotonicMs()), signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.askAreas();
    }
  }

  /** Asks each area once, and counts refusals. */
  private async askAreas(): Promise<void> {
    const { town } = this.deps;
    for (const area of Object.values(town.areas)) {
      if (this.stopping.signal.aborted) return;
      try {
        await this.ask(area);
        this.count += 1;
      } catch (thrown) {
        if (!isFailure(thrown)) throw thrown;
        this.refused.set(thrown.code, (this.refused.get(thrown.code) ?? 0) + 1);
        this.deps.log.warn('the simulated agency could not ask an area for footage; it asks again in its next round', {
          code: thrown.code,
          detail: thrown.message,
        });
      }
    }
  }

  /** Number of clips that the bridge shows this agency now; null when it does not answer. */
  async clipsShown(): Promise<number | null> {
    const { bridge, agencyKey, log } = this.deps;
    try {
      return (await listClips(this.deps, agencyKey, bridge, { officer: 'fleet', reason: 'counting them' })).length;
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      log.warn('the simulated agency could not count its clips at the bridge; their number stays unknown', {
        code: thrown.code,
        detail: thrown.message,
      });
      return null;
    }
  }

  private async ask(area: TownArea): Promise<void> {
    const { town, bridge, agencyKey } = this.deps;
    const ask = { ...askAbout(this.deps, town, area), expiresInS: EXPIRES_S };
    await postRequest(bridge.url, signFootageRequest(this.deps, agencyKey, bridge.id, ask).token);
  }
}
