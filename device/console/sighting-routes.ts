import { failure } from '@doorsill/contract/errors';
import { SightingNotice } from '@doorsill/contract/home-messages';
import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import type { LocalRouter } from './local-router.ts';
import type { PictureAccess } from './picture-access.ts';
import { bindToView } from './view-answer.ts';

export interface SightingRoutesDeps {
  access: PictureAccess;
  sightings(): SightingNotice[];
  /** The still of a sighting; null when there is none. */
  still(search: string): { jpeg: Uint8Array; atUs: number } | null;
}

export function sightingRoutes(router: LocalRouter, { access, sightings, still }: SightingRoutesDeps): void {
  router.route(
    {
      method: 'GET',
      path: '/api/v1/sightings',
      roles: ['owner'],
      answer: z.strictObject({ sightings: z.array(SightingNotice) }),
      about: 'Pets that are looked for and may have been seen here, while the home takes part in Search Party.',
    },
    () => ({ sightings: sightings() }),
  );
  router.route(
    {
      method: 'GET',
      path: '/api/v1/sightings/:search/still.jpg',
      roles: ['owner'],
      params: z.strictObject({ search: idSchema }),
      answer: { media: 'image/jpeg' },
      about: 'The frame in which something was most like the pet.',
    },
    async ({ caller, params, reply }) => {
      bindToView(reply, await access.open(caller, 'history'));
      const found = still(params.search);
      if (!found) throw failure('sighting_unknown');
      return reply.type('image/jpeg').header('x-doorsill-at-us', found.atUs).send(Buffer.from(found.jpeg));
    },
  );
}
