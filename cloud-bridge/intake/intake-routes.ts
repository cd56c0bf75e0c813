import { idSchema } from '@doorsill/contract/ids';
import { HOME_RECALL_LETTERS_MAX, IntakeStatus, intakeOpeningSchema } from '@doorsill/contract/manifest';
import { z } from 'zod';
import { nextSchema, pageFields } from '../http/paging.ts';
import type { Router } from '../http/router.ts';
import { CLONE_SIGNS, type CloneSigns } from './clone-signs.ts';
import type { IntakeAdmission } from './intake-admission.ts';
import type { RevocationHandler } from './revocation.ts';
import { UPLOADS_PATH } from './tus-routes.ts';

const paramsSchema = z.strictObject({ grant: idSchema });
const revocationSchema = z.strictObject({
  revocation: z.string().max(4_096),
  grant: z.string().max(8_192).optional(),
  pairing: z.string().max(2_048).optional(),
  homeRecall: z.string().max(HOME_RECALL_LETTERS_MAX).optional(),
});

const pageSchema = z.strictObject(pageFields(100, 200));
const signsSchema = z.strictObject({
  signs: z.array(
    z.strictObject({
      device: idSchema,
      code: z.enum(CLONE_SIGNS),
      firstS: z.int().describe('When it was first seen, in seconds since 1970'),
      lastS: z.int(),
      times: z.int().positive().describe('For how many grants'),
    }),
  ),
  next: nextSchema,
});

export function intakeRoutes(
  api: Router,
  admission: IntakeAdmission,
  { revocations, clones }: { revocations: RevocationHandler; clones: CloneSigns },
): void {
  const device = { roles: ['device'], answer: IntakeStatus } as const;
  api.route(
    {
      method: 'POST',
      path: '/v1/intakes',
      ...device,
      body: intakeOpeningSchema,
      about: 'Opens an intake with the documents of a clip; repeating the call gets the same answer.',
    },
    ({ bearer, body }) => admission.open(bearer, body),
  );
  api.route(
    {
      method: 'GET',
      path: '/v1/intakes/:grant',
      ...device,
      params: paramsSchema,
      about: 'State of a grant’s clip at the bridge.',
    },
    ({ bearer, params }) => admission.status(bearer, params.grant),
  );
  api.route(
    {
      method: 'HEAD',
      path: '/v1/intakes/:grant',
      roles: ['device'],
      params: paramsSchema,
      answer: null,
      status: 200,
      about: 'Where an upload continues: Location, Upload-Offset, Upload-Length.',
    },
    async ({ bearer, params, reply }) => {
      const position = await admission.position(bearer, params.grant);
      if (position.upload !== null) reply.header('location', `${UPLOADS_PATH}/${position.upload}`);
      return reply.code(200).headers({ 'upload-offset': position.offset, 'upload-length': position.length }).send();
    },
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/intakes/:grant/revocation',
      roles: ['home'],
      params: paramsSchema,
      body: revocationSchema,
      answer: IntakeStatus,
      about: 'An owner revokes a grant.',
    },
    ({ params, body }) => revocations.revoke(params.grant, body),
  );
  api.route(
    {
      method: 'GET',
      path: '/v1/clone-signs',
      roles: ['admin'],
      query: pageSchema,
      answer: signsSchema,
      about: 'Devices that seem to have been copied (card or backup), last seen first.',
    },
    ({ query }) => clones.list(query),
  );
}
