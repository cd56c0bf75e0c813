// Moderators: people with their own tokens who decide on waiting requests; the admin adds them.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { toBase64url } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import { type RecogniseStaff, recogniseAdmin } from '../http/roles.ts';
import type { Router } from '../http/router.ts';

export interface Moderator {
  moderator: string;
  name: string;
  sinceS: number;
}

export interface ModeratorStore {
  /** False when the id is taken. */
  add(moderator: Moderator, tokenSha256: string): Promise<boolean>;
  findByToken(tokenSha256: string): Promise<Moderator | null>;
  list(): Promise<Moderator[]>;
  /** False when there is none. */
  remove(moderator: string): Promise<boolean>;
}

export interface ModeratorsDeps {
  clock: Clock;
  random: Random;
  log: Log;
  store: ModeratorStore;
}

export class Moderators {
  private readonly deps: ModeratorsDeps;

  constructor(deps: ModeratorsDeps) {
    this.deps = deps;
  }

  /** Recognises the admin and the moderators by their tokens. */
  staff(adminToken: string): RecogniseStaff {
    const admin = recogniseAdmin(adminToken);
    return async (token) => {
      const known = await admin(token);
      if (known) return known;
      // By hash, so that the time of the lookup reveals nothing about a token.
      const found = await this.deps.store.findByToken(sha256Hex(token));
      return found && { role: 'moderator', name: found.moderator };
    };
  }

  list(): Promise<Moderator[]> {
    return this.deps.store.list();
  }

  /** Adds a moderator; the token is returned here and not stored. Throws `moderator_known`. */
  async add(moderator: string, name: string): Promise<Moderator & { token: string }> {
    const { clock, random, log, store } = this.deps;
    const token = toBase64url(random.bytes(32));
    const made = { moderator, name, sinceS: wallSeconds(clock) };
    if (!(await store.add(made, sha256Hex(token)))) throw failure('moderator_known', { moderator });
    log.info('there is a new moderator', { moderator });
    return { ...made, token };
  }

  /** Removes a moderator and their token. Throws `http_not_found`. */
  async remove(moderator: string): Promise<void> {
    if (!(await this.deps.store.remove(moderator))) throw failure('http_not_found');
    this.deps.log.info('a moderator was removed, and the token no longer works', { moderator });
  }
}

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
      about: 'Removes a moderator and their token.',
    },
    async ({ params }) => {
      await moderators.remove(params.moderator);
      return undefined;
    },
  );
}
