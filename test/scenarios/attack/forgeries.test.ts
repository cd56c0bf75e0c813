// None of ten thousand forged messages of every kind has any effect on the gate, directly or through an attacker's broker; and the judge
// detects a message that has one.
// @own-process: it measures its memory
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../device/base/random.ts';
import { proved } from '../../support/proved.ts';
import { KINDS, run, throughWire } from './forgeries/campaign.ts';
import { Scene } from './forgeries/scene.ts';
import { counted, type Fate, ignored, Striker, told } from './forgeries/strike.ts';

it('ten thousand forgeries change nothing', { tags: ['long'], timeout: 120_000 }, async (test) => {
  const tally = await run({ forgeries: 10_000, perScene: 2_500, seed: 20_261 });
  expect(tally.kinds.size).toBe(KINDS.length);
  expect([...tally.kinds.values()].every((fates) => fates.size > 0)).toBe(true);
  expect(tally.ledgerGrowth).toBe(0);
  expect(tally.heap.last - tally.heap.first).toBeLessThan(16 * 1024 * 1024);
  proved(
    test,
    'forged messages at the gate: 0 accepted, 0 crashes, the ledger unmoved',
    `${tally.forgeries} of ${tally.kinds.size} kinds; ${tally.controls} valid grants between them taken`,
  );
});

it('five hundred forgeries by a broker change nothing', { tags: ['long'], timeout: 120_000 }, async (test) => {
  const tally = await throughWire({ forgeries: 500, perScene: 250, seed: 3 });
  expect(tally.ledgerGrowth).toBe(0);
  proved(
    test,
    'forged messages through an attacker’s broker and the device’s own links: 0 accepted',
    `${tally.forgeries} of ${tally.kinds.size} kinds`,
  );
});

describe('the judge', () => {
  /** Delivers a valid message as a forgery; returns the judge's verdict. */
  async function verdictOn(at: number, fate: Fate): Promise<string> {
    const scene = await Scene.open(new SeededRandom(5));
    try {
      const striker = new Striker(scene, (message) => scene.rig.hand(message));
      striker.settle();
      const base = scene.bases()[at];
      if (!base) throw new Error('no such base');
      const payload = Buffer.from(scene.sign(base.typ, base.claims, base.signer));
      const forgery = { topic: base.topic, payload, retained: base.link === 'area', fate };
      const kind = { name: base.typ, make: () => forgery };
      return await striker.strike(kind, forgery).catch((thrown: Error) => thrown.message.split('\n')[0] ?? '');
    } finally {
      await scene.close();
    }
  }

  it('detects each accepted message, whatever its expected fate', { tags: ['long'] }, async () => {
    const outside = told('consent_window_outside');
    expect(await verdictOn(0, counted('token_bad_signature'))).toMatch(
      /receipt granted, EFFECT made.*ledger has moved/,
    );
    expect(await verdictOn(0, ignored)).toMatch(/receipt granted, EFFECT made.*ledger has moved/);
    expect(await verdictOn(0, outside)).toMatch(/receipt granted, EFFECT made.*ledger has moved/);
    expect(await verdictOn(1, outside)).toMatch(/receipt denied.*ledger has moved/);
    expect(await verdictOn(2, ignored)).toMatch(/receipt revoked.*a live grant has ended/);
    expect(await verdictOn(3, outside)).toMatch(/EFFECT forgotten.*ledger has moved/);
    expect(await verdictOn(4, ignored)).toMatch(/EFFECT privacies.*ledger has moved/);
    expect(await verdictOn(5, outside)).toMatch(/receipt command-done.*ledger has moved/);
    expect(await verdictOn(6, ignored)).toMatch(/EFFECT notices/);
  });

  it('detects a message refused for another reason than expected', async () => {
    expect(await verdictOn(7, counted('token_malformed'))).toMatch(/should have been counted: token_malformed/);
    expect(await verdictOn(8, counted('token_malformed'))).toMatch(/should have been counted: token_malformed/);
  });
});
