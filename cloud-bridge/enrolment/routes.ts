// Owns: the HTTP routes of enrolment. Not here: what they decide (enrolment.ts).
import { z } from 'zod';
import { enrolmentBodySchema } from '../../device/protocol/enrolment.ts';
import type { Router } from '../http/router.ts';
import type { Enrolment } from './enrolment.ts';

const codeSchema = z.strictObject({ code: z.string(), expiresS: z.int() });
const statementSchema = z.strictObject({ statement: z.string() });

/** Adds the routes; `publicUrl` is where devices reach the bridge. */
export function enrolmentRoutes(
  api: Router,
  { enrolment, publicUrl }: { enrolment: Enrolment; publicUrl: () => string },
): void {
  api.route(
    {
      method: 'POST',
      path: '/v1/enrolment-codes',
      roles: ['admin'],
      answer: codeSchema,
      status: 201,
      about: 'Prints a code that lets one device in, once.',
    },
    () => enrolment.printCode(publicUrl()),
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
