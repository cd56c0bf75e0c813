// Holds today's gate to the ledger that a device of contract 1 (commit 3614d38) left, whose orders name no last order and whose
// ids do not carry their kind: it opens, what was under way goes on, and what a broker kept of its orders is dead.
// former-orders.json.gz was made by a GateRig of that commit with this seed: each kind of command; a grant for the request `case-7`
// and one for the search `pet-1`, both unfinished; a denial, a revocation, and one ahead of its grant; privacy on at the end.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { SeededRandom } from '../../../device/base/random.ts';
import { textClaim } from '../../support/parties.ts';
import { Searching } from '../../support/searches.ts';
import { GateRig } from './gate-rig.ts';

const formerSchema = z.strictObject({
  wallUs: z.int(),
  seed: z.int(),
  files: z.record(z.string(), z.string()),
  /** Orders of the old form, signed at the end and not delivered. */
  heldBack: z.array(z.string()).length(3),
  grants: z.strictObject({ request: z.string(), search: z.string() }),
  states: z.strictObject({ denied: z.string(), revoked: z.string() }),
});

let former: z.infer<typeof formerSchema>;
let rig: GateRig;
beforeEach(async () => {
  const packed = await readFile(join(import.meta.dirname, 'former-orders.json.gz'));
  former = formerSchema.parse(JSON.parse(gunzipSync(packed).toString()));
  rig = await GateRig.open(new SeededRandom(former.seed));
  for (const [name, text] of Object.entries(former.files)) await writeFile(join(rig.folder, name), text);
  rig.clock.setWallUs(former.wallUs + 1_000_000);
  await rig.boot();
});
afterEach(() => rig.close());

it('opens with all decisions', () => {
  expect(rig.gate.damaged).toBeNull();
  expect([rig.gate.privacyOn, rig.gate.searchPartyOn]).toEqual([true, true]);
  expect(rig.gate.owners().map(({ name }) => name)).toEqual(['Alex', 'Sam']);
  const unfinished = Object.values(former.grants).map((token) => textClaim(token, 'jti'));
  expect(rig.gate.unfinishedGrants()).toEqual(unfinished);
  expect(rig.effects.made.map(({ id }) => id)).toEqual(unfinished);
});

it('refuses its orders that a broker kept, and accepts those that name the last one', async () => {
  for (const token of former.heldBack) {
    await rig.command(token);
    expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_order_stale' });
  }
  expect([rig.gate.privacyOn, rig.effects.forgotten]).toEqual([true, []]);
  await rig.command(rig.cast.command({ action: 'privacy', on: false }, { jti: 'command-new' }));
  expect([rig.gate.privacyOn, rig.effects.last().outcome]).toEqual([false, 'command-done']);
});

it('ends its grants only by the end of their own kind of ask, and accepts revocations of them', async () => {
  const searching = new Searching(rig.cast);
  const [request, search] = rig.effects.made;
  await rig.revocations();
  await rig.area(rig.cast.areaDocument([], { revision: 50, cancelled: ['pet-1'] }));
  await rig.gate.onSearchDocument(1, searching.document([], { revision: 50, ended: ['case-7'] }));
  expect([request?.signal.aborted, search?.signal.aborted]).toEqual([false, false]);
  await rig.area(rig.cast.areaDocument([], { revision: 51, cancelled: ['case-7'] }));
  expect([request?.signal.aborted, search?.signal.aborted]).toEqual([true, false]);
  await rig.send('revoke', rig.cast.revoke(former.grants.search));
  expect([search?.signal.aborted, rig.effects.last().outcome]).toEqual([true, 'revoked']);
});
