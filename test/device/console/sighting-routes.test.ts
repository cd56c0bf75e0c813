// Holds: pets that may have been seen, and previews of clips, are for owners alone; a viewer with every right sees none.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsoleRig, type OwnerBrowser } from './support/console-rig.ts';

describe('what owners alone see', { tags: ['long'] }, () => {
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

  it('lists sightings, and knows no still of another search', async () => {
    expect((await owner.get('/api/v1/sightings')).json).toEqual({ sightings: [] });
    const still = await owner.get('/api/v1/sightings/search-1/still.jpg');
    expect([still.status, still.json['code']]).toEqual([404, 'sighting_unknown']);
  });

  it('refuses a preview of a request that is not open, and knows none of another id', async () => {
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
  ])('refuses a viewer: %s %s', async (method, path) => {
    const body = method === 'POST' ? PREVIEW : undefined;
    const answer = await rig.call(path, { method, headers: viewer, ...(body ? { body } : {}) });
    expect([answer.status, answer.json['code']]).toEqual([401, 'console_session_refused']);
  });
});
