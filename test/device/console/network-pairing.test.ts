import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { generateSigningKey, type SigningKey } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { NetworkPairing } from '../../../device/console/network-pairing.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { type PairingState, pairingProofInput } from '../../../device/contract/console-messages.ts';
import { failure } from '../../../device/contract/errors.ts';

const DEVICE = 'device-1';
const random = new SystemRandom();

let clock: ManualClock;
let paired: string[];
/** Delays storing a new owner, or makes it fail. */
let becoming: () => Promise<void>;
let pairing: NetworkPairing;
beforeEach(() => {
  clock = new ManualClock(0);
  paired = [];
  becoming = async () => undefined;
  const pair = async (key: string, name: string) => {
    await becoming();
    paired.push(key);
    return `statement for ${name}`;
  };
  pairing = new NetworkPairing({ clock, random, device: DEVICE, pair });
});

interface Changes {
  token?: string;
  signer?: SigningKey;
  device?: string;
  signedName?: string;
  signedChallenge?: string;
}

function offer(key: SigningKey, changes: Changes = {}, atThisMachine = true): Promise<PairingState> {
  const challenge = toBase64url(random.bytes(16));
  const {
    token = pairing.token,
    signer = key,
    device = DEVICE,
    signedName = 'Anna',
    signedChallenge = challenge,
  } = changes;
  const proof = toBase64url(signer.sign(pairingProofInput(device, signedChallenge, key.publicKey, signedName)));
  return pairing.offer({ token, key: key.publicKey, name: 'Anna', challenge, proof }, atThisMachine);
}

const fromNetwork = (key: SigningKey, changes: Changes = {}) => offer(key, changes, false);
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (thrown: unknown) => (thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)),
  );
const codeOf = (state: PairingState) => (state.state === 'waiting' ? state.code : state.state);
const anybody = () => generateSigningKey(random);

describe('the token', () => {
  it('pairs one key on this machine, and is then replaced', async () => {
    const { token } = pairing;
    const [anna, ben] = [anybody(), anybody()];
    expect(await offer(anna)).toMatchObject({ state: 'paired', statement: 'statement for Anna' });
    expect(pairing.token).not.toBe(token);
    expect(await refusal(offer(ben, { token }))).toBe('pairing_token_refused');
    expect(paired).toEqual([anna.publicKey]);
  });

  it('is used up before anything is awaited: of two simultaneous offers only one is paired', async () => {
    const { token } = pairing;
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    becoming = () => gate;
    const both = [refusal(offer(anybody(), { token })), refusal(offer(anybody(), { token }))];
    go();
    expect((await Promise.all(both)).sort()).toEqual(['pairing_token_refused', null].sort());
    expect(paired).toHaveLength(1);
  });

  it('is replaced after a failed pairing, too', async () => {
    const { token } = pairing;
    becoming = () => Promise.reject(failure('owner_too_many'));
    expect(await refusal(offer(anybody()))).toBe('owner_too_many');
    expect(pairing.token).not.toBe(token);
    becoming = () => Promise.reject(failure('consent_ledger_damaged', { detail: 'x' }));
    expect(await refusal(offer(anybody()))).toBe('consent_ledger_damaged');
    expect(paired).toEqual([]);
  });

  it.each<[string, () => Changes]>([
    ['by another key', () => ({ signer: anybody() })],
    ['for another device', () => ({ device: 'device-2' })],
    ['for another name', () => ({ signedName: 'Mallory' })],
    ['for another challenge', () => ({ signedChallenge: toBase64url(random.bytes(16)) })],
  ])('pairs no key whose possession was proven %s', async (_what, changes) => {
    expect(await refusal(offer(anybody(), changes()))).toBe('pairing_refused');
    expect(await refusal(fromNetwork(anybody(), changes()))).toBe('pairing_refused');
    expect(paired).toEqual([]);
  });

  it('pairs no key under which anyone can sign', async () => {
    const key = `AQ${'A'.repeat(41)}`;
    const body = { token: pairing.token, key, name: 'Nobody', challenge: toBase64url(random.bytes(16)) };
    // R is the neutral point, S is 0: the equation alone would hold.
    const proof = toBase64url(Uint8Array.from({ length: 64 }, (_, at) => (at === 0 ? 1 : 0)));
    expect(await refusal(pairing.offer({ ...body, proof }, true))).toBe('pairing_refused');
  });
});

describe('the lock', () => {
  it.each<[string, () => Changes]>([
    ['wrong tokens', () => ({ token: toBase64url(random.bytes(16)) })],
    ['wrong proofs', () => ({ signer: anybody() })],
  ])('closes after ten %s, opens with the button, and counts from zero', async (_what, wrong) => {
    for (let turn = 0; turn < 10; turn += 1) {
      expect(pairing.locked).toBe(false);
      await refusal(offer(anybody(), wrong()));
    }
    expect([pairing.locked, await refusal(offer(anybody()))]).toEqual([true, 'pairing_locked']);
    await pairing.buttonPressed();
    expect([pairing.locked, await refusal(offer(anybody()))]).toEqual([false, null]);
  });

  it('resets its count after a pairing', async () => {
    for (let turn = 0; turn < 9; turn += 1) await refusal(offer(anybody(), { token: toBase64url(random.bytes(16)) }));
    await offer(anybody());
    await refusal(offer(anybody(), { token: toBase64url(random.bytes(16)) }));
    expect(pairing.locked).toBe(false);
  });
});

describe('a new owner from the network', () => {
  it('is not an owner until the code from its browser is typed at the device', async () => {
    const anna = anybody();
    const state = await fromNetwork(anna);
    expect(state).toMatchObject({ state: 'waiting', code: expect.stringMatching(/^\d{6}$/) });
    expect(paired).toEqual([]);
    expect(pairing.stateOf(state.pairing)).toEqual(state);
    const wrong = codeOf(state) === '000000' ? '000001' : '000000';
    expect(await refusal(pairing.confirm(wrong))).toBe('pairing_code_unknown');
    expect(await pairing.confirm(codeOf(state))).toEqual({ key: anna.publicKey, name: 'Anna' });
    expect(paired).toEqual([anna.publicKey]);
    expect(pairing.stateOf(state.pairing)).toMatchObject({ state: 'paired' });
    expect(await refusal(pairing.confirm(codeOf(state)))).toBe('pairing_code_unknown');
  });

  it('is confirmed by the button when nobody else waits', async () => {
    const anna = anybody();
    await fromNetwork(anna);
    await pairing.buttonPressed();
    expect(paired).toEqual([anna.publicKey]);
  });

  it('is not confirmed by the button when two wait, but still by its code', async () => {
    const [anna, mallory] = [anybody(), anybody()];
    const hers = await fromNetwork(anna);
    await fromNetwork(mallory);
    await pairing.buttonPressed();
    expect(paired).toEqual([]);
    await pairing.confirm(codeOf(hers));
    expect(paired).toEqual([anna.publicKey]);
  });

  it('is not confirmed by the button after another gave up, because the press may be meant for the other', async () => {
    await fromNetwork(anybody());
    await clock.advance(60_000);
    await fromNetwork(anybody());
    await clock.advance(121_000);
    await pairing.buttonPressed();
    expect(paired).toEqual([]);
  });

  it('is not confirmed by the button after it displaced the others', async () => {
    for (let turn = 0; turn < 3; turn += 1) await fromNetwork(anybody());
    await clock.advance(100_000);
    await fromNetwork(anybody());
    await clock.advance(81_000);
    await pairing.buttonPressed();
    expect(paired).toEqual([]);
  });

  it('may offer the same key again after a reload', async () => {
    const anna = anybody();
    const before = await fromNetwork(anna);
    const again = await fromNetwork(anna);
    expect(pairing.stateOf(before.pairing).state).toBe('refused');
    await pairing.buttonPressed();
    expect([paired, pairing.stateOf(again.pairing).state]).toEqual([[anna.publicKey], 'paired']);
  });

  it('cannot make itself the only one by offering its key again', async () => {
    const [anna, mallory] = [anybody(), anybody()];
    await fromNetwork(anna);
    await clock.advance(60_000);
    await fromNetwork(mallory);
    // Anna gives up before the key is offered again.
    await clock.advance(125_000);
    await fromNetwork(mallory);
    await pairing.buttonPressed();
    expect(paired).toEqual([]);
  });

  it('waits for three minutes', async () => {
    const state = await fromNetwork(anybody());
    await clock.advance(180_000);
    expect(pairing.stateOf(state.pairing).state).toBe('waiting');
    await clock.advance(1);
    expect(pairing.stateOf(state.pairing)).toEqual({ state: 'refused', pairing: state.pairing });
    expect(await refusal(pairing.confirm(codeOf(state)))).toBe('pairing_code_unknown');
    await pairing.buttonPressed();
    expect(paired).toEqual([]);
  });

  it('is one of at most three, each with its own code', async () => {
    const states: PairingState[] = [];
    for (let turn = 0; turn < 4; turn += 1) states.push(await fromNetwork(anybody()));
    expect(states.map(({ pairing: id }) => pairing.stateOf(id).state)).toEqual([
      'refused',
      'waiting',
      'waiting',
      'waiting',
    ]);
    expect(new Set(states.map(codeOf)).size).toBe(4);
  });

  it('stops waiting once the token has paired another', async () => {
    const mallory = await fromNetwork(anybody());
    const anna = await fromNetwork(anybody());
    await pairing.confirm(codeOf(anna));
    expect(pairing.stateOf(mallory.pairing).state).toBe('refused');
    await pairing.buttonPressed();
    expect(paired).toHaveLength(1);
  });

  it('is reported as waiting, not refused, while it is being stored', async () => {
    const state = await fromNetwork(anybody());
    let meanwhile: PairingState | null = null;
    becoming = async () => {
      meanwhile = pairing.stateOf(state.pairing);
    };
    await pairing.confirm(codeOf(state));
    expect(meanwhile).toEqual(state);
  });

  it('is refused when it cannot be stored', async () => {
    const state = await fromNetwork(anybody());
    becoming = () => Promise.reject(failure('owner_too_many'));
    expect(await refusal(pairing.confirm(codeOf(state)))).toBe('owner_too_many');
    expect(pairing.stateOf(state.pairing).state).toBe('refused');
  });
});
