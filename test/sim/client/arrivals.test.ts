import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { ARRIVALS_MAX, Arrivals } from '../../../sim/client/arrivals.ts';

interface Ring {
  type: 'ring';
  button: string;
}
interface Motion {
  type: 'motion';
}
type Message = Ring | Motion;

const isRing = (message: Message): message is Ring => message.type === 'ring';
const isMotion = (message: Message): message is Motion => message.type === 'motion';
const ring = (button: string): Ring => ({ type: 'ring', button });

function arrivals() {
  const clock = new ManualClock(0);
  return { clock, inbox: new Arrivals<Message>(clock, ({ type }) => type) };
}

describe('a message from the doorbell', () => {
  it('is returned once, the oldest first, whether it came before the call or after', async () => {
    const { inbox } = arrivals();
    inbox.add('1', ring('front'));
    inbox.add('2', ring('back'));
    const waited = [1, 2, 3].map(() => inbox.take('ring', isRing, 1_000));
    inbox.add('3', ring('side'));
    expect((await Promise.all(waited)).map(({ button }) => button)).toEqual(['front', 'back', 'side']);
  });

  it('goes to the call that waits longest, and only to one call', async () => {
    const { inbox, clock } = arrivals();
    const first = inbox.take('ring', isRing, 1_000);
    const second = inbox.take('ring', isRing, 1_000);
    inbox.add('1', ring('front'));
    expect(await first).toEqual(ring('front'));
    const late = expect(second).rejects.toMatchObject({ code: 'client_nothing_came' });
    await clock.advance(1_000);
    await late;
  });

  it('stays queued for a call of its kind while other messages are taken', async () => {
    const { inbox } = arrivals();
    inbox.add('1', { type: 'motion' });
    inbox.add('2', ring('front'));
    expect(await inbox.take('ring', isRing, 1_000)).toEqual(ring('front'));
    expect(await inbox.take('motion', isMotion, 1_000)).toEqual({ type: 'motion' });
  });

  it('counts once when a broker delivers it twice', async () => {
    const { inbox, clock } = arrivals();
    inbox.add('1', ring('front'));
    inbox.add('1', ring('front'));
    await inbox.take('ring', isRing, 1_000);
    const none = expect(inbox.take('ring', isRing, 10)).rejects.toMatchObject({ code: 'client_nothing_came' });
    await clock.advance(10);
    await none;
  });

  it('is named in the failure of another wait unless it was taken', async () => {
    const { inbox, clock } = arrivals();
    inbox.add('1', ring('front'));
    await inbox.take('ring', isRing, 1_000);
    const empty = expect(inbox.take('ring', isRing, 500)).rejects.toThrow(/0\.5 s; other messages: nothing$/);
    await clock.advance(500);
    await empty;
    const late = expect(inbox.take('ring', isRing, 500)).rejects.toThrow(/other messages: motion, motion$/);
    inbox.add('2', { type: 'motion' });
    inbox.add('3', { type: 'motion' });
    await clock.advance(500);
    await late;
  });

  it('does not go to a call that timed out', async () => {
    const { inbox, clock } = arrivals();
    const late = expect(inbox.take('ring', isRing, 500)).rejects.toThrow();
    await clock.advance(500);
    await late;
    inbox.add('1', ring('front'));
    expect(await inbox.take('ring', isRing, 500)).toEqual(ring('front'));
  });

  it('is dropped as the oldest when the queue is full', async () => {
    const { inbox } = arrivals();
    for (let at = 0; at <= ARRIVALS_MAX; at += 1) inbox.add(String(at), ring(`button-${at}`));
    expect(await inbox.take('ring', isRing, 500)).toEqual(ring('button-1'));
  });

  it('ends every wait when the doorbell ends', async () => {
    const { inbox } = arrivals();
    const waits = [inbox.take('ring', isRing, 500), inbox.take('motion', isMotion, 500)];
    inbox.end(new Error('the end'));
    await Promise.all(waits.map((wait) => expect(wait).rejects.toThrow('the end')));
  });
});
