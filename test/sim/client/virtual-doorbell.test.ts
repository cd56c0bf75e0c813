import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import type { DoorRequest, EventOf, VirtualDoorbell } from '../../../sim/client/index.ts';
import { startDoorbell } from './support/built-client.ts';

describe('a virtual doorbell without an agency', () => {
  let door: VirtualDoorbell;
  beforeAll(async () => {
    door = await startDoorbell({ agency: false });
  });
  afterAll(() => door?.stop());

  it('rings once when it is pressed, also for a test that awaits it later', async () => {
    const early = door.event('ring');
    await door.press();
    await door.press();
    const rings = [await early, await door.event('ring')];
    expectTypeOf(rings).toEqualTypeOf<EventOf<'ring'>[]>();
    expect(rings.map(({ button, source }) => [button, source])).toEqual([
      ['front', 'command'],
      ['front', 'command'],
    ]);
    expect(new Set(rings.map(({ id }) => id)).size).toBe(2);
    await expect(door.event('ring', { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'client_nothing_came',
      message: expect.stringMatching(/^No event "ring" came within 0\.05 s; other messages: /),
    });
  });

  it('returns the event that `where` selects, and keeps the others', async () => {
    await door.press();
    const none = door.event('ring', { where: ({ button }) => button === 'back', timeoutMs: 50 });
    await expect(none).rejects.toThrow(/other messages: .*ring of front/);
    expect(await door.event('ring', { where: ({ button }) => button === 'front' })).toMatchObject({ type: 'ring' });
  });

  it('names its buttons for an unknown one', async () => {
    await expect(door.press('back')).rejects.toMatchObject({ code: 'button_unknown' });
  });

  it('returns its state', async () => {
    expect(await door.state()).toMatchObject({ device: door.id, privacy: false, ring: { kind: 'memory' } });
  });

  it('refuses requests for footage with the reason', async () => {
    await expect(door.ask()).rejects.toMatchObject({ code: 'client_no_agency' });
    expect(await door.requests()).toEqual([]);
  });

  it('reports a wrong argument', async () => {
    const wrong = (call: string, detail: RegExp, work: Promise<unknown>) =>
      expect(work).rejects.toMatchObject({
        code: 'client_argument_invalid',
        facts: { call, detail: expect.stringMatching(detail) },
      });
    const stranger = { id: 'request-1' } as DoorRequest;
    // What JavaScript lets a caller write, and types do not.
    const loose = door as unknown as Record<'event' | 'receipt' | 'clip', (...given: unknown[]) => Promise<unknown>>;
    await wrong('event()', /ring/, loose.event('rings'));
    await wrong('event()', /timeout/, loose.event('ring', { timeout: 5 }));
    await wrong('event()', /^timeoutMs/, loose.event('ring', { timeoutMs: 0 }));
    await wrong('event()', /^where/, loose.event('ring', { where: 'front' }));
    await wrong('receipt()', /granted/, loose.receipt('grant'));
    await wrong('clip()', /^id/, loose.clip({}));
    await wrong('ask()', /exclude/, door.ask({ lastS: 5, window: { startUs: 1, endUs: 2 } }));
    await wrong('ask()', /^lastS/, door.ask({ lastS: 0 }));
    await wrong('grant()', /of this doorbell/, door.grant(stranger));
    await wrong('grant()', /^disclose.0/, door.grant(stranger, { disclose: ['birthday' as 'name'] }));
    await wrong('ignore()', /of this doorbell/, door.ignore(stranger));
  });

  it('ends waiting calls at stop, refuses later ones, and may be stopped again', async () => {
    expect(existsSync(door.folder)).toBe(true);
    const never = door.event('ring', { where: ({ button }) => button === 'back' });
    const waiting = expect(never).rejects.toMatchObject({
      code: 'client_stopped',
      message: expect.stringContaining('event() cannot work'),
    });
    await Promise.all([door.stop(), door.stop()]);
    await waiting;
    await expect(door.press()).rejects.toMatchObject({ code: 'client_stopped', facts: { call: 'press()' } });
    await door.stop();
    expect(existsSync(door.folder)).toBe(false);
  });
});
