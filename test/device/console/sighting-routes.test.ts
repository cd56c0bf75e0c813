// Holds: sightings of pets and previews of clips are for owners only; a viewer with every right sees none.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsoleRig, type OwnerBrowser } from './support/console-rig.ts';

describe('routes for owners only', { tags: ['long'] }, () => {
  let rig: ConsoleRig;
  let owner: OwnerBrowser;
  let viewer: Record<string, string>;
  beforeAll(async () => {
    rig = await ConsoleRig.start();
    owner = await rig.owner();
    viewer = await owner.viewer();
  }, 30_000);
  afterAll(() => rig.stop());

  const PREVIEW = { request: 'request-1', window: { startUs: 1, endUs: 2_000_000 }, audio: false, zones: [] };

  it('list sightings, and have no still of an unknown search', async () => {
    expect((await owner.get('/api/v1/sightings')).json).toEqual({ sightings: [] });
    const still = await owner.get('/api/v1/sightings/search-1/still.jpg');
    expect([still.status, still.json['code']]).toEqual([404, 'sighting_unknown']);
  });

  it('refuse a preview of a request that is not open, and of an unknown id', async () => {
    const made = await owner.post('/api/v1/previews', PREVIEW);
    expect([made.status, made.json['code']]).toEqual([404, 'consent_request_unknown']);
    const clip = await owner.get('/api/v1/previews/preview-1/clip.mp4');
    expect([clip.status, clip.json['code']]).toEqual([404, 'preview_unknown']);
  });

  it.each([
    ['GET', '/api/v1/sightings'],
    ['GET', '/api/v1/sightings/search-1/still.jpg'],
    ['GET', '/api/v1/previews/preview-1/clip.mp4'],
    ['POST', '/api/v1/previews'],
    ['DELETE', '/api/v1/previews/preview-1'],
    ['GET', '/api/v1/requests'],
    ['GET', '/api/v1/events'],
  ])('refuse a viewer: %s %s', async (method, path) => {
    const body = method === 'POST' ? PREVIEW : undefined;
    const answer = await rig.call(path, { method, headers: viewer, ...(body ? { body } : {}) });
    expect([answer.status, answer.json['code']]).toEqual([401, 'console_session_refused']);
  });
});
