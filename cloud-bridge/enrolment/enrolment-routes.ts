import { enrolmentBodySchema } from '@doorsill/contract/enrolment';
import { z } from 'zod';
import type { Router } from '../http/router.ts';
import { CODE_ID, type Enrolment } from './enrolment.ts';

/** Limits of one code: devices, and seconds until it expires. */
const DEVICES_MAX = 100_000;
const LIFE_S_MIN = 60;
const LIFE_S_MAX = 7 * 24 * 3_600;

const wishSchema = z
  .strictObject({
    devices: z.int().min(1).max(DEVICES_MAX).optional().describe('How many devices it lets in; one by default'),
    lifeS: z.int().min(LIFE_S_MIN).max(LIFE_S_MAX).optional().describe('Seconds until it expires'),
  })
  .prefault({});
const codeParamsSchema = z.strictObject({ code: z.string().regex(CODE_ID) });
const facts = { id: z.string(), devices: z.int(), expiresS: z.int() } as const;
const codeSchema = z.strictObject({ code: z.string(), ...facts });
const listSchema = z.strictObject({ codes: z.array(z.strictObject({ ...facts, enrolled: z.int() })) });
const statementSchema = z.strictObject({ statement: z.string() });

/** Adds the routes; `publicUrl` is where devices reach the bridge. */
export function enrolmentRoutes(
  api: Router,
  { enrolment, publicUrl }: { enrolment: Enrolment; publicUrl: () => string },
): void {
  const admin = { roles: ['admin'] } as const;
  api.route(
    {
      method: 'POST',
      path: '/v1/enrolment-codes',
      ...admin,
      body: wishSchema,
      answer: codeSchema,
      status: 201,
      about: 'Creates a code that lets in one device, or the number given, each once.',
    },
    ({ body }) => enrolment.printCode(publicUrl(), body),
  );
  api.route(
    {
      method: 'GET',
      path: '/v1/enrolment-codes',
      ...admin,
      answer: listSchema,
      about: 'Codes that have not expired, with the number of devices that each has let in.',
    },
    async () => ({ codes: await enrolment.codes() }),
  );
  api.route(
    {
      method: 'DELETE',
      path: '/v1/enrolment-codes/:code',
      ...admin,
      params: codeParamsSchema,
      answer: null,
      about: 'Ends a code. Devices that have enrolled with it stay enrolled.',
    },
    async ({ params }) => {
      await enrolment.endCode(params.code);
      return undefined;
    },
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/enrolments',
      roles: ['home'],
      body: enrolmentBodySchema,
      answer: statementSchema,
      status: 201,
      about: 'Redeems a code for the device that signed the proof.',
    },
    async ({ body, request }) => ({ statement: await enrolment.enrol(body.secret, body.proof, request.ip) }),
  );
}
