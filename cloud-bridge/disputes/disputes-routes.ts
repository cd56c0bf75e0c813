import { idSchema } from '@doorsill/contract/ids';
import { reasonSchema } from '@doorsill/contract/manifest';
import { z } from 'zod';
import type { Router } from '../http/router.ts';
import { SealedPapers } from '../intake/stored-manifest-encryption.ts';
import type { ManifestOpening } from './open-manifest.ts';

const disputeSchema = z.strictObject({ clip: idSchema, reason: reasonSchema });
const openedSchema = SealedPapers.extend({ clip: idSchema, grant: idSchema, leaf: z.int().nonnegative() });
const grantSchema = z.strictObject({ grant: idSchema });

export function disputeRoutes(api: Router, disputes: ManifestOpening): void {
  api.route(
    {
      method: 'POST',
      path: '/v1/disputes',
      roles: ['admin'],
      body: disputeSchema,
      answer: openedSchema,
      about: 'Opens the full manifest of a clip, and records the opening in the custody log.',
    },
    ({ body }) => disputes.openForOperator(body.clip, body.reason),
  );
  api.route(
    {
      method: 'GET',
      path: '/v1/intakes/:grant/manifest',
      roles: ['device'],
      params: grantSchema,
      answer: openedSchema,
      about: 'The full manifest of a grant’s clip, for the device or the owner of the grant.',
    },
    ({ bearer, params }) => disputes.openForOwner(bearer, params.grant),
  );
}
