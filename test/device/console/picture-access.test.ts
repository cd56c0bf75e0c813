import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import type { Caller } from '../../../device/console/callers.ts';
import { PictureAccess } from '../../../device/console/picture-access.ts';
import { ViewRight } from '../../../device/contract/console-messages.ts';
import { failure } from '../../../device/contract/errors.ts';

const MINUTE_MS = 60_000;

let clock: ManualClock;
let isPrivate: boolean;
let looks: string[];
let watched: boolean[];
/** Delays the record of a look, or makes it fail. */
let noting: () => Promise<void>;
let access: PictureAccess;
beforeEach(() => {
  clock = new ManualClock(0);
  isPrivate = false;
  looks = [];
  watched = [];
  noting = async () => undefined;
  access = new PictureAccess({
    clock,
    privacyOn: () => isPrivate,
    looked: async (by, what) => {
      await noting();
      looks.push(`${by} ${what}`);
    },
    watched: (isWatched) => void watched.push(isWatched),
  });
});

function caller(changes: Partial<Caller> = {}): Caller & { end: AbortController } {
  const end = new AbortController();
  return { role: 'viewer', id: 'tablet', name: 'x', rights: ViewRight.options, signal: end.signal, end, ...changes };
}

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (thrown: unknown) => (thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)),
  );

/** A promise, and the function that resolves it. */
function gate(): { opened: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

const MISSING = ViewRight.options.flatMap((has) =>
  ViewRight.options.filter((what) => what !== has).map((what) => [has, what]),
);

describe('a view', () => {
  it.each(ViewRight.options)('opens with the right %s, after the look was recorded', async (what) => {
    const view = await access.open(caller({ rights: [what] }), what);
    expect([looks, view.signal.aborted]).toEqual([[`tablet ${what}`], false]);
  });

  it('counts as watching until ten seconds after its end, so that a sequence of pictures is not interrupted', async () => {
    const views = await Promise.all(ViewRight.options.map((what) => access.open(caller(), what)));
    expect(watched).toEqual([true]);
    for (const view of views) view.close();
    await clock.advance(9_999);
    const next = await access.open(caller(), 'history');
    await clock.advance(MINUTE_MS);
    expect(watched).toEqual([true]);
    next.close();
    next.close();
    await clock.advance(9_999);
    expect(watched).toEqual([true]);
    await clock.advance(1);
    expect(watched).toEqual([true, false]);
  });

  it('stops counting at once when privacy ends it, and is not counted twice when closed later', async () => {
    const view = await access.open(caller(), 'live');
    isPrivate = true;
    access.privacyTurnedOn();
    expect(watched).toEqual([true, false]);
    isPrivate = false;
    const next = await access.open(caller(), 'live');
    view.close();
    await clock.advance(MINUTE_MS);
    expect(watched).toEqual([true, false, true]);
    next.close();
    access.stop();
    await clock.advance(MINUTE_MS);
    expect(watched).toEqual([true, false, true]);
  });

  it('that is refused does not count as watching', async () => {
    await refusal(access.open(caller({ rights: [] }), 'live'));
    noting = () => Promise.reject(failure('consent_storage_failed'));
    await refusal(access.open(caller(), 'live'));
    expect(watched).toEqual([]);
  });

  it.each(MISSING as [ViewRight, ViewRight][])('is not opened with the right %s for %s', async (has, what) => {
    expect(await refusal(access.open(caller({ rights: [has] }), what))).toBe('console_right_missing');
    expect(looks).toEqual([]);
  });

  it('is not opened without a caller', async () => {
    await expect(access.open(null, 'live')).rejects.toThrow();
  });

  it('is neither opened nor recorded while privacy is on', async () => {
    isPrivate = true;
    expect(await refusal(access.open(caller(), 'live'))).toBe('console_privacy_on');
    expect(looks).toEqual([]);
  });

  it('is not opened when the look cannot be recorded, and the next view records it again', async () => {
    noting = () => Promise.reject(failure('look_log_full'));
    expect(await refusal(access.open(caller(), 'live'))).toBe('look_log_full');
    expect(await refusal(access.open(caller(), 'live'))).toBe('look_log_full');
    noting = async () => undefined;
    await access.open(caller(), 'live');
    expect(looks).toEqual(['tablet live']);
  });

  it('is not opened when privacy was turned on and off again while the look was being recorded', async () => {
    const { opened, open } = gate();
    noting = () => opened;
    const opening = refusal(access.open(caller(), 'live'));
    access.privacyTurnedOn();
    open();
    expect(await opening).toBe('console_privacy_on');
  });

  it('is not opened when privacy is on after the look was recorded', async () => {
    noting = async () => {
      isPrivate = true;
    };
    expect(await refusal(access.open(caller(), 'live'))).toBe('console_privacy_on');
  });

  it('is not opened when its caller was removed while the look was being recorded', async () => {
    const guest = caller();
    noting = async () => guest.end.abort(failure('console_viewer_refused'));
    expect(await refusal(access.open(guest, 'live'))).toBe('console_viewer_refused');
  });

  it('ends at once with privacy, with the reason; later views are not affected', async () => {
    const [one, other] = [await access.open(caller(), 'live'), await access.open(caller({ id: 'x' }), 'history')];
    access.privacyTurnedOn();
    expect([one, other].map(({ signal }) => signal.reason)).toMatchObject([
      { code: 'console_privacy_on' },
      { code: 'console_privacy_on' },
    ]);
    expect((await access.open(caller(), 'live')).signal.aborted).toBe(false);
  });

  it('ends with its caller; other views continue', async () => {
    const guest = caller({ id: 'guest' });
    const [his, other] = [await access.open(guest, 'live'), await access.open(caller(), 'live')];
    guest.end.abort(failure('console_viewer_refused'));
    expect([his.signal.aborted, other.signal.aborted]).toEqual([true, false]);
  });
});

describe('the record of who looks', () => {
  /** Looks again after each of these pauses. */
  async function look(who: Caller, what: ViewRight): Promise<void> {
    (await access.open(who, what)).close();
  }

  it('is one entry for looks with pauses of up to ten minutes', async () => {
    const tablet = caller();
    for (let turn = 0; turn < 20; turn += 1) {
      await look(tablet, 'stills');
      await clock.advance(10 * MINUTE_MS);
    }
    expect(looks).toEqual(['tablet stills']);
    await clock.advance(1);
    await look(tablet, 'stills');
    expect(looks).toEqual(['tablet stills', 'tablet stills']);
  });

  it('is one entry for a view of several hours and the views opened meanwhile', async () => {
    const tablet = caller();
    const view = await access.open(tablet, 'live');
    await clock.advance(600 * MINUTE_MS);
    await look(tablet, 'live');
    view.close();
    view.close();
    await clock.advance(10 * MINUTE_MS);
    await look(tablet, 'live');
    expect(looks).toHaveLength(1);
    await clock.advance(11 * MINUTE_MS);
    await look(tablet, 'live');
    expect(looks).toHaveLength(2);
  });

  it('is one entry for simultaneous views, each of which waits for it', async () => {
    const { opened, open } = gate();
    noting = () => opened;
    const tablet = caller();
    const opening = Array.from({ length: 10 }, () => access.open(tablet, 'stills'));
    let isOpen = false;
    void Promise.race(opening).then(() => {
      isOpen = true;
    });
    await clock.advance(1_000);
    expect(isOpen).toBe(false);
    open();
    await Promise.all(opening);
    expect(looks).toEqual(['tablet stills']);
  });

  it('is one entry per kind and caller', async () => {
    for (const what of ViewRight.options) await look(caller(), what);
    await look(caller({ id: 'guest' }), 'live');
    expect(looks).toEqual(['tablet live', 'tablet stills', 'tablet history', 'guest live']);
  });

  it('is a new entry for a new viewer under a removed one’s id', async () => {
    const before = caller();
    await look(before, 'live');
    before.end.abort(failure('console_viewer_refused'));
    await look(caller(), 'live');
    expect(looks).toHaveLength(2);
  });

  it('is written again, rather than omitted, when very many callers look', async () => {
    const first = caller();
    await look(first, 'live');
    for (let number = 0; number < 256; number += 1) await look(caller({ id: `viewer-${number}` }), 'live');
    await look(first, 'live');
    expect(looks.filter((one) => one === 'tablet live')).toHaveLength(2);
  });
});
