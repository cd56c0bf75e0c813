import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import type { Router } from '../http/router.ts';
import type { Moderators } from './moderators.ts';

const paramsSchema = z.strictObject({ moderator: idSchema });
/** `admin` is reserved: the admin's own decisions are recorded under it. */
const moderatorIdSchema = idSchema.refine((id) => id !== 'admin', 'admin is reserved');
const bodySchema = z.strictObject({ moderator: moderatorIdSchema, name: z.string().trim().min(1).max(120) });
const moderatorSchema = z.strictObject({ moderator: idSchema, name: z.string(), sinceS: z.int().nonnegative() });
const listSchema = z.strictObject({ moderators: z.array(moderatorSchema) });
const enteredSchema = moderatorSchema.extend({ token: z.string() });

export function moderatorRoutes(api: Router, moderators: Moderators): void {
  const admin = { roles: ['admin'] } as const;
  api.route(
    {
      method: 'GET',
      path: '/v1/moderators',
      ...admin,
      about: 'All moderators.',
      answer: listSchema,
    },
    async () => ({ moderators: await moderators.list() }),
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/moderators',
      ...admin,
      body: bodySchema,
      status: 201,
      answer: enteredSchema,
      about: 'Adds a moderator; the token is shown only in this answer.',
    },
    ({ body }) => moderators.add(body.moderator, body.name),
  );
  api.route(
    {
      method: 'DELETE',
      path: '/v1/moderators/:moderator',
      ...admin,
      params: paramsSchema,
      answer: null,
      about: "Removes a moderator and their token.",
    },
    async ({ params }) => {
      await moderators.remove(params.moderator);
      return undefined;
    },
  );
}
