// The contract of intakes on any kind of database: each decision is one transaction, so that no race leaves a revoked grant with a clip;
// and the steps of a hand-over to the vault and back.
import { expect, it } from 'vitest';
import type { Database } from '../../../cloud-bridge/bridge-database.ts';
import type { SignedVerdict } from '../../../cloud-bridge/intake/verdict-check.ts';
import { LEAVES_OF_CLIP_MAX } from '../../../device/contract/custody.ts';
import { plainIntake as intake, key, limits, SEALED, TAKEN } from './plain-rows.ts';

const NOW_S = 1_790_000_000;
const revoked = { ...key, ownerKey: 'o', grantSha256: 'g', receipt: 'deleted-receipt' };
const stored = { receipt: 'stored-receipt', statementReceipt: 'twin', storedS: 5, vault: null };

const word = { revocation: 'r', pairing: null, homeRecall: null };

/** `database`: a fresh one for each test, after `enrolAndAsk`. */
export function intakesContract(database: () => Database): void {
  it('opens one intake a grant, and none for a revoked grant, a used clip id or over the quota', async () => {
    const { intakes } = database();
    expect(await intakes.open(intake(), SEALED, limits, NOW_S)).toBe('opened');
    expect(await intakes.open(intake({ clip: 'clip-b', upload: 'upload-b' }), SEALED, limits, NOW_S)).toBe('known');
    expect(await intakes.open(intake({ grant: 'grant-b', upload: 'upload-b' }), SEALED, limits, NOW_S)).toBe(
      'clip-taken',
    );
    const large = intake({ grant: 'grant-b', clip: 'clip-b', upload: 'upload-b', clipBytes: 901 });
    expect(await intakes.open(large, SEALED, limits, NOW_S)).toBe('over-quota');
    await intakes.revoke({ ...revoked, grant: 'grant-b' }, 1, 10, word);
    expect(await intakes.open({ ...large, clipBytes: 1 }, SEALED, limits, NOW_S)).toBe('revoked');
  });

  it('never publishes after a revocation, and deletes the clip at a revocation after publishing', async () => {
    const { intakes } = database();
    const moves: string[] = [];
    const move = async () => void moves.push('moved');
    await intakes.open(intake(), SEALED, limits, NOW_S);
    await intakes.revoke(revoked, 1, 10, word);
    expect(await intakes.publish(key, stored, () => undefined, move)).toBe(false);
    expect(moves).toEqual([]);
    const second = intake({ grant: 'grant-b', clip: 'clip-b', upload: 'upload-b' });
    await intakes.open(second, SEALED, limits, NOW_S);
    expect(await intakes.publish(second, stored, () => undefined, move)).toBe(true);
    expect(await intakes.revoke({ ...revoked, grant: 'grant-b' }, 1, 10, word)).toMatchObject({
      done: 'now',
      intake: { state: 'stored' },
    });
    expect(await intakes.find(second)).toMatchObject({ state: 'deleted', statement: '', receipt: 'deleted-receipt' });
    expect(await intakes.revoke({ ...revoked, grant: 'grant-b' }, 1, 10, word)).toEqual({
      done: 'before',
      receipt: 'deleted-receipt',
    });
  });

  it('publishes nothing when the check refuses or the file’s move fails', async () => {
    const { intakes } = database();
    await intakes.open(intake(), SEALED, limits, NOW_S);
    const refuse = () => {
      throw new Error('refused');
    };
    await expect(intakes.publish(key, stored, refuse, async () => undefined)).rejects.toThrow('refused');
    const fail = async () => {
      throw new Error('disk');
    };
    await expect(intakes.publish(key, stored, () => undefined, fail)).rejects.toThrow('disk');
    expect(await intakes.find(key)).toMatchObject({ state: 'open', receipt: null });
  });

  it('limits how many revocations of unknown grants one device can have stored', async () => {
    const { intakes } = database();
    expect(await intakes.revoke({ ...revoked, grant: 'grant-x' }, 1, 1, word)).toMatchObject({ done: 'now' });
    expect(await intakes.revoke({ ...revoked, grant: 'grant-y' }, 1, 1, word)).toEqual({ done: 'too-many' });
    await intakes.open(intake(), SEALED, limits, NOW_S);
    expect(await intakes.revoke(revoked, 1, 1, word)).toMatchObject({ done: 'now' });
  });

  it('lists an agency’s stored clips alone, newest first, and finds each by its clip and its upload', async () => {
    const { intakes } = database();
    for (const [grant, storedS] of [
      ['grant-a', 5],
      ['grant-b', 7],
      ['grant-c', 6],
    ] as const) {
      const one = intake({ grant, clip: `clip-of-${grant}`, upload: `upload-of-${grant}` });
      await intakes.open(one, SEALED, limits, NOW_S);
      await intakes.setUploading(one.upload, true);
      await intakes.publish(
        one,
        { ...stored, storedS },
        () => undefined,
        async () => undefined,
      );
    }
    expect(
      (await intakes.storedClips({ agency: 'agency-a', organisation: 'agency-a' }, null, 2)).map(({ grant }) => grant),
    ).toEqual(['grant-b', 'grant-c']);
    expect(await intakes.storedClips({ agency: 'agency-b', organisation: 'agency-b' }, null, 2)).toEqual([]);
    expect(await intakes.findClip('clip-of-grant-b')).toMatchObject({
      grant: 'grant-b',
      creations: 1,
      uploading: false,
    });
    expect(await intakes.findUpload('upload-of-grant-c')).toMatchObject({
      grant: 'grant-c',
      state: 'stored',
      receipt: 'stored-receipt',
    });
    expect(await intakes.findUpload('upload-of-nobody')).toBeNull();
    expect(await intakes.openIntakes()).toEqual([]);
  });

  it('drops an open intake once, with the facts that the home disclosed', async () => {
    const { intakes } = database();
    await intakes.open(intake(), SEALED, limits, NOW_S);
    expect(await intakes.openIntakes()).toEqual([intake()]);
    expect(await intakes.drop(key, 'intake_structure', 'deleted-receipt')).toBe(true);
    expect(await intakes.drop(key, 'intake_structure', 'other-receipt')).toBe(false);
    expect(await intakes.find(key)).toMatchObject({
      state: 'deleted',
      refusal: 'intake_structure',
      statement: '',
      receipt: 'deleted-receipt',
    });
  });

  it('hands a clip over in steps; a later revocation is a recall that is answered once', async () => {
    const { intakes, handOvers, custody } = database();
    const publish = (vault: string | null) =>
      intakes.publish(
        key,
        { ...stored, vault },
        () => undefined,
        async () => undefined,
      );
    await intakes.open(intake(), SEALED, limits, NOW_S);
    expect(await handOvers.offered(key, 'item-a')).toBe(false);
    await publish('vault-a');
    expect(await handOvers.jobs('vault-b', 9)).toEqual([]);
    expect(await handOvers.jobs('vault-a', 9)).toMatchObject([
      { state: null, ownerRevocation: null, intake: { clip: 'clip-a' } },
    ]);
    expect(await handOvers.offered(key, 'item-a')).toBe(true);
    expect(await handOvers.offered(key, 'item-a')).toBe(true);
    expect(await handOvers.job(key)).toMatchObject({ state: 'offered' });
    expect(await handOvers.handedOver(key, TAKEN, 9)).toBe(true);
    expect(await handOvers.handedOver(key, TAKEN, 9)).toBe(false);
    expect(await intakes.find(key)).toMatchObject({ state: 'handed-over', statement: '' });
    expect(await handOvers.jobs('vault-a', 9)).toMatchObject([{ state: 'handed-over' }]);
    await handOvers.confirmed(key);
    expect(await handOvers.jobs('vault-a', 9)).toEqual([]);
    expect(await intakes.revoke(revoked, 10, 10, word)).toMatchObject({ done: 'recall' });
    expect(await handOvers.job(key)).toMatchObject({ state: 'recalling', ownerRevocation: word });
    const before = await custody.size();
    await handOvers.recalled(revoked, { decision: 'erased', token: 'answer' }, 11);
    await handOvers.recalled(revoked, { decision: 'erased', token: 'answer' }, 11);
    expect(await custody.size()).toBe(before + 2);
    // Stored, handed over, a recall sent and answered, deleted; of this one grant, and at most the requested number.
    const shown = await custody.leavesShownTo(key, 8);
    const kinds = await Promise.all(
      shown.map(async (leaf) => JSON.parse((await custody.opened(leaf))?.entry ?? '').kind),
    );
    expect(kinds).toEqual(['intake', 'hand-over', 'recall', 'recall', 'deletion']);
    expect(await custody.leavesShownTo(key, 2)).toEqual(shown.slice(0, 2));
    expect(await custody.leavesShownTo({ ...key, grant: 'grant-b' }, 8)).toEqual([]);
    expect(await custody.leavesShownTo({ ...key, device: 'device-b' }, 8)).toEqual([]);
    expect(await handOvers.job(key)).toBeNull();
    expect(await intakes.findRevoked(key)).toEqual(revoked);
    expect(await intakes.find(key)).toMatchObject({ state: 'deleted', refusal: 'intake_revoked' });
  });

  it('drops a hand-over whose owner revoked first', async () => {
    const { intakes, handOvers } = database();
    await intakes.open(intake(), SEALED, limits, NOW_S);
    await intakes.publish(
      key,
      { ...stored, vault: 'vault-a' },
      () => undefined,
      async () => undefined,
    );
    await handOvers.offered(key, 'item-a');
    expect(await intakes.revoke(revoked, 10, 10, word)).toMatchObject({ done: 'now' });
    expect(await handOvers.handedOver(key, TAKEN, 9)).toBe(false);
    expect(await handOvers.jobs('vault-a', 9)).toMatchObject([{ state: 'withdrawing', ownerRevocation: null }]);
    await handOvers.withdrawn(key);
    expect(await handOvers.jobs('vault-a', 9)).toEqual([]);
  });

  it('records each outcome of who opened a clip once, in one step with its leaf', async () => {
    const { intakes, handOvers, verdicts, custody } = database();
    const said = (outcome: SignedVerdict['outcome'], changes: Partial<SignedVerdict> = {}): SignedVerdict => ({
      ...{ token: `${outcome} ${changes.signer ?? ''}`, signer: 'agency-key', by: 'recipient', outcome, ...changes },
    });
    expect(await verdicts.add(key, said('as-granted'))).toBe('gone');
    await intakes.open(intake({ isSealed: true }), SEALED, limits, NOW_S);
    expect(await intakes.find(key)).toMatchObject({ isSealed: true });
    expect(await verdicts.add(key, said('as-granted'))).toBe('gone');
    const move = async () => undefined;
    await intakes.publish(key, { ...stored, vault: 'vault-a' }, () => undefined, move);
    const leaf = await verdicts.add(key, said('as-granted'));
    expect(leaf).toBe((await custody.size()) - 1);
    expect(await verdicts.add(key, said('as-granted', { token: 'again' }))).toBe(leaf);
    await handOvers.offered(key, 'item-a');
    // The vault may use the recipient's key.
    const verdict = said('as-granted', { by: 'vault' });
    expect(await handOvers.handedOver(key, { ...TAKEN, verdict }, 9)).toBe(true);
    for (const outcome of ['key', 'zones'] as const) await verdicts.add(key, said(outcome));
    await verdicts.add(key, said('as-granted', { signer: 'next-key' }));
    expect(await verdicts.add(key, said('clip'))).toBe('too-many');
    expect(await verdicts.list(key)).toEqual([
      ...['as-granted ', 'as-granted ', 'key ', 'zones ', 'as-granted next-key'],
    ]);
    expect(await verdicts.list({ ...key, grant: 'grant-b' })).toEqual([]);
    await intakes.revoke(revoked, 10, 10, word);
    await handOvers.recalled(revoked, { decision: 'erased', token: 'answer' }, 11);
    expect(await verdicts.add(key, said('as-granted'))).toBe('gone');
    const shown = await custody.leavesShownTo(key, LEAVES_OF_CLIP_MAX + 1);
    const openings = await Promise.all(
      shown.map(async (at) => JSON.parse((await custody.opened(at))?.entry ?? '').kind),
    );
    expect(openings.filter((kind) => kind === 'opening')).toHaveLength(5);
    // A clip with all that can become of it.
    expect(openings.at(-1)).toBe('deletion');
    expect(shown).toHaveLength(LEAVES_OF_CLIP_MAX);
  });

  it('counts each sign of a copied device, and lists them in pages, the latest first', async () => {
    const { cloneSigns } = database();
    expect(await cloneSigns.list(null, 9)).toEqual([]);
    expect(await cloneSigns.note('device-a', 'device_clone_clip', 5)).toBe(1);
    expect(await cloneSigns.note('device-a', 'device_clone_turns', 5)).toBe(1);
    expect(await cloneSigns.note('device-b', 'device_clone_clip', 6)).toBe(1);
    expect(await cloneSigns.note('device-a', 'device_clone_clip', 7)).toBe(2);
    const last = { device: 'device-a', code: 'device_clone_clip', firstS: 5, lastS: 7, times: 2 } as const;
    const middle = { device: 'device-b', code: 'device_clone_clip', firstS: 6, lastS: 6, times: 1 } as const;
    const first = { device: 'device-a', code: 'device_clone_turns', firstS: 5, lastS: 5, times: 1 } as const;
    expect(await cloneSigns.list(null, 9)).toEqual([last, middle, first]);
    expect(await cloneSigns.list(null, 1)).toEqual([last]);
    expect(await cloneSigns.list(last, 9)).toEqual([middle, first]);
  });
}
