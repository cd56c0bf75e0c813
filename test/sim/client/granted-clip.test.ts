// `ask`, the owner's answers and `clip` of a virtual doorbell with all its real processes: two doorbells in one process.
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import type { VirtualDoorbell } from '../../../sim/client/index.ts';
import { startDoorbell } from './support/built-client.ts';

/** The drawn porch's frames a second. */
const FPS = 15;

describe('two virtual doorbells in one process', { tags: ['long'] }, () => {
  let door: VirtualDoorbell;
  let other: VirtualDoorbell;
  beforeAll(async () => {
    [door, other] = await Promise.all([startDoorbell(), startDoorbell()]);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([door?.stop(), other?.stop()]);
    expect([door, other].map(({ folder }) => existsSync(folder))).toEqual([false, false]);
  });

  it('deliver the clip of a press with exactly the requested window and the named fact', async () => {
    await door.press();
    const ring = await door.event('ring');
    const request = await door.ask({ lastS: 2, text: 'A parcel was taken. Did your camera see it?' });
    expect(request).toMatchObject({
      agency: 'Springfield Police Department',
      text: 'A parcel was taken. Did your camera see it?',
    });
    expect(request.window.endUs - request.window.startUs).toBe(2_000_000);
    expect(request.window.startUs).toBeLessThanOrEqual(ring.atUs);
    expect(request.window.endUs).toBeGreaterThan(ring.atUs);
    expect((await door.requests()).map(({ id, window }) => ({ id, window }))).toEqual([
      { id: request.id, window: request.window },
    ]);

    expect(await door.grant(request, { disclose: ['email'] })).toMatchObject({ request: request.id });
    const clip = await door.clip(request);
    expect(clip).toMatchObject({
      frames: 2 * FPS,
      window: request.window,
      disclosed: { email: 'robin@maple.example' },
    });
    expect(sha256Hex(readFileSync(clip.path))).toBe(clip.sha256);
    const verified = await verifyClip(createReadStream(clip.path), readFileSync(clip.manifestPath, 'utf8').trim());
    expect(verified.manifest).toEqual(clip.manifest);
    expect(clip.manifest.audioPackets).toBe(0);
    expect(dirname(dirname(dirname(clip.path)))).toBe(door.folder);
    // Again, without another wait.
    expect(await door.clip(request)).toEqual(clip);
    for (const outcome of ['granted', 'sealed', 'sent'] as const) {
      expect(await door.receipt(outcome)).toMatchObject({ outcome, request: request.id });
    }
    // `requests()` has the device repeat its receipts; each is given out once all the same.
    expect(await door.requests()).toEqual([]);
    await expect(door.receipt('sent', { timeoutMs: 100 })).rejects.toMatchObject({ code: 'client_nothing_came' });
  });

  it('do not receive each other’s messages', async () => {
    await expect(other.event('ring', { timeoutMs: 100 })).rejects.toMatchObject({ code: 'client_nothing_came' });
    expect(await other.requests()).toEqual([]);
    await other.press();
    expect(await other.event('ring')).toMatchObject({ device: other.id });
    await expect(door.event('ring', { timeoutMs: 100 })).rejects.toMatchObject({ code: 'client_nothing_came' });
  });

  it('wait for no clip that is not granted', async () => {
    const [denied, ignored] = [await other.ask({ lastS: 1 }), await other.ask({ lastS: 1 })];
    const refused = (work: Promise<unknown>, why: string) =>
      expect(work).rejects.toMatchObject({ code: 'client_not_granted', facts: { detail: `it was ${why}` } });
    await refused(other.clip(denied), 'not answered');
    expect(await other.deny(denied)).toMatchObject({ outcome: 'denied', request: denied.id });
    await refused(other.clip(denied), 'denied');
    const before = await other.state();
    await other.ignore(ignored);
    await refused(other.clip(ignored), 'ignored');
    // Nothing was said: the device knows of no decision, and the request stays open.
    expect((await other.state()).ledger).toEqual(before.ledger);
    expect((await other.requests()).map(({ id }) => id)).toEqual([ignored.id]);
    await expect(other.revoke(ignored)).rejects.toMatchObject({ code: 'consent_nothing_to_revoke' });
  });

  it('revoke a grant', async () => {
    const beforeUs = Date.now() * 1_000;
    const request = await other.ask({ lastS: 1 });
    // Recorded for longer than that already: the last second, not the first.
    expect(request.window.startUs).toBeGreaterThan(beforeUs - 1_000_001);
    await other.grant(request);
    expect(await other.revoke(request)).toMatchObject({ request: request.id });
    await expect(other.clip(request)).rejects.toMatchObject({ code: 'client_not_granted' });
    await expect(other.revoke(request)).rejects.toMatchObject({ code: 'consent_nothing_to_revoke' });
  });

  it('refuse what the request did not ask for, and another doorbell’s request', async () => {
    const request = await other.ask({ lastS: 1, profile: 'nothing' });
    await expect(other.grant(request, { disclose: ['email'] })).rejects.toMatchObject({
      code: 'consent_disclosure_beyond',
    });
    await expect(door.grant(request)).rejects.toMatchObject({ code: 'client_argument_invalid' });
    await expect(other.clip(request)).rejects.toMatchObject({ code: 'client_not_granted' });
  });

  it('report their footage when the requested one does not come', async () => {
    await expect(other.ask({ lastS: 600, timeoutMs: 300 })).rejects.toMatchObject({
      code: 'client_no_footage',
      facts: { wanted: 600, seconds: 0.3, detail: expect.stringMatching(/^its camera is recording, and it has \d/) },
    });
  });
});
