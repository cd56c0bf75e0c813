// The same kind of run for Search Party: a neighbour posts a search, and homes of one kind get it or not; records everything that bridge,
// broker, agency, public and the pet's owner see.

import { PhotoSanitizer } from '../../../../cloud-bridge/search-party/sanitize-photo.ts';
import { sha256Hex } from '../../../../device/base/keys.ts';
import { SeededRandom, SystemRandom } from '../../../../device/base/random.ts';
import { toBase64url } from '../../../../device/contract/bytes.ts';
import { makeDenial } from '../../../../device/owner/sign-owner-messages.ts';
import { drawDogPhoto } from '../../../../sim/porch/dog-art.ts';
import { claimsOf, makeParty, textClaim } from '../../../support/parties.ts';
import { Searching } from '../../../support/searches.ts';
import { Homes, PLANTED_MS } from './homes.ts';
import type { Recording } from './recording.ts';

export const SEARCH_KINDS = [
  'takes no part',
  'saw no dog',
  'ignored a sighting',
  'declined a sighting',
  'offline',
] as const;
export type SearchKind = (typeof SEARCH_KINDS)[number];

export class SearchHomes extends Homes<SearchKind> {
  private searching: Searching | null = null;
  private readonly pairings = new Map<string, string>();

  /**
   * Runs the story with `count` homes of one kind; returns the recording. `leak`: after a sighting a device calls the bridge (`retry`) or
   * acknowledges later (`delay`).
   */
  static async runSearch(
    kind: SearchKind,
    seed: number,
    count: number,
    leak: 'retry' | 'delay' | null = null,
  ): Promise<Recording> {
    return new SearchHomes(kind, leak).tell(seed, count);
  }

  protected override settings(): object {
    const play = this.kind === 'saw no dog' ? 'visitor' : 'dog';
    return {
      camera: `synthetic?play=${play}&size=320x180&audio=off&pace=fast&seconds=16`,
      motion: { enabled: true },
      preRollS: 1,
      postRollS: 1,
      searchParty: { enabled: this.kind !== 'takes no part' },
    };
  }

  protected override async story(seed: number, count: number): Promise<void> {
    await this.open(seed);
    const random = new SeededRandom(seed + 50);
    const searching = new Searching(this.testbed.cast, random);
    this.searching = searching;
    const photo = await new PhotoSanitizer().sanitise(await drawDogPhoto());
    for (let home = 0; home < count; home += 1) await this.addHome(seed + 100 + home);
    for (const { doorbell } of this.homes) if (this.kind === 'offline') await doorbell.stop();
    const homes = [makeParty('device', random), makeParty('device', random)];
    for (const home of homes) {
      await this.testbed.enrol(home);
      this.pairings.set(
        home.id,
        this.testbed.cast.pairing({ device: home.id, key: searching.poster.key.publicKey }, home),
      );
    }
    await this.settle();
    const step = async (name: string, work: () => Promise<void>) => {
      this.recording.step += 1;
      await work();
      await this.settle();
      await this.lookAsPoster(name);
    };
    let first = '';
    await step('posted', async () => {
      first = await this.post(photo, homes[0]?.id ?? '');
      await this.seen(first);
    });
    await step('answered', () => this.answer(first));
    this.clock.shiftS += 1_800;
    await step('another one', async () => void (await this.post(photo, homes[1]?.id ?? '')));
    await step('found', () => this.found(first));
    this.clock.shiftS += 7 * 3_600;
    await step('when it is over', async () => void (await this.post(photo, homes[0]?.id ?? '')));
    await this.readStores();
  }

  private get poster(): Searching {
    if (!this.searching) throw new Error('nobody searches');
    return this.searching;
  }

  private async post(photo: Uint8Array, home: string): Promise<string> {
    const search = this.poster.search({ photoSha256: sha256Hex(photo) });
    const body = { search, photo: toBase64url(photo), pairing: this.pairings.get(home) ?? '' };
    await this.hear(this.testbed.post('/v1/search-party/searches', body));
    const id = textClaim(search, 'jti');
    await this.until('the search on the board', () => this.documents.some((text) => ids(text).includes(id)));
    return id;
  }

  /** Waits until homes with a sighting have notified their owners. */
  private async seen(id: string): Promise<void> {
    if (!this.kind.endsWith('a sighting')) return;
    for (const { sightings } of this.homes)
      await this.until('the sighting', () => sightings.some(({ request }) => request.jti === id));
    if (this.leak === 'delay') this.recording.homesLaterMs = PLANTED_MS;
    if (this.leak === 'retry') await fetch(`http://127.0.0.1:${this.bridgeTap?.port}/v1/search-party`);
  }

  private async answer(id: string): Promise<void> {
    for (const { session, key, sightings, receipts } of this.homes) {
      const sighting = sightings.find(({ request }) => request.jti === id);
      if (this.kind !== 'declined a sighting' || !sighting) continue;
      const signer = { key, clock: this.homeClock, random: new SystemRandom() };
      await session.answer(id, 'deny', makeDenial(signer, sighting).token);
      await this.until('the denial', () =>
        receipts.some(({ outcome, request }) => outcome === 'denied' && request === id),
      );
    }
  }

  private async found(id: string): Promise<void> {
    const call = this.poster.call({ action: 'end', search: id });
    await this.hear(this.testbed.post(`/v1/search-party/searches/${id}/end`, {}, call));
    await this.until('the end on the board', () => this.documents.some((text) => ended(text).includes(id)));
  }

  /** What only the pet's owner can read. */
  private async lookAsPoster(name: string): Promise<void> {
    await this.look(name);
    await this.hear(this.testbed.get('/v1/search-party/clips', this.poster.call({ action: 'see', clip: 'all' })));
    await this.hear(this.testbed.get('/v1/search-party'));
  }
}

function ids(document: string): string[] {
  const searches: unknown = claimsOf(document)['searches'];
  return Array.isArray(searches) ? searches.map(({ search }) => textClaim(search, 'jti')) : [];
}

function ended(document: string): string[] {
  const list: unknown = claimsOf(document)['ended'];
  return Array.isArray(list) ? list.map(String) : [];
}
