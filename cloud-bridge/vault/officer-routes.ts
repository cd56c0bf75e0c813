import { idSchema, sha256Schema } from '@doorsill/contract/ids';
import { SealedContents, VerdictOutcome } from '@doorsill/contract/sealing';
import { z } from 'zod';
import type { Admission, Router } from '../http/router.ts';
import { CLIP_MEDIA, type SentClip, sendClip } from '../http/send-clip.ts';
import { EvidenceSource } from '../signing/hand-over-documents.ts';
import { actorOf, callerAgain, officerHeadersSchema } from './actor-of-request.ts';
import type { Clients } from './clients.ts';
import type { Evidence, ShownClip } from './evidence.ts';
import { READERS } from './item-clip.ts';
import { categoryBodySchema, type Policies, policyBodySchema, policyViewSchema } from './policies.ts';
import { ACCESS_CLASSES } from './vault-store.ts';

const BASE = '/v1/agencies/:agency';
const ITEM = `${BASE}/evidence/:item`;

const agencySchema = z.strictObject({ agency: idSchema });
const itemSchema = agencySchema.extend({ item: idSchema });
const caseIdSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const caseSchema = itemSchema.extend({ case: caseIdSchema });
const pageSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  after: z.string().max(120).optional(),
});
const listSchema = pageSchema.extend({
  state: z.enum(['active', 'deleted']).optional(),
  triage: z.enum(['pending', 'accepted', 'declined']).optional(),
  category: idSchema.optional(),
  case: caseIdSchema.optional(),
});
const linkSchema = z.strictObject({ link: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });
const linkAnswerSchema = z.strictObject({ url: z.url(), expiresS: z.int() });
/** `contents`: facts and zones of an encrypted clip that the vault has opened, with the salts of their hashes in the statement. */
const statementSchema = z.strictObject({ manifest: z.string(), contents: SealedContents.optional() });
const triageSchema = z.strictObject({ decision: z.enum(['accept', 'decline']) });
const categoriesSchema = z.strictObject({ categories: z.array(idSchema).max(16) });
const classSchema = z.strictObject({ accessClass: z.enum(ACCESS_CLASSES) });

const momentS = z.int().nullable();
const viewSchema = z.strictObject({
  item: idSchema,
  clip: idSchema,
  request: idSchema,
  investigation: z.string(),
  source: EvidenceSource,
  state: z.enum(['held', 'active', 'deleted', 'erased']),
  accessClass: z.enum(ACCESS_CLASSES),
  triage: z.enum(['pending', 'accepted', 'declined']),
  categories: z.array(z.string()).readonly(),
  cases: z.array(z.string()).readonly(),
  /** Of what was handed over: of an encrypted clip, the encrypted file. */
  sha256: sha256Schema,
  bytes: z.int(),
  readableBy: z.enum(READERS),
  /** The vault's verdict on an encrypted clip that it has opened. */
  verdict: VerdictOutcome.nullable(),
  /** The clip in such a file, which readers get. */
  opened: z.strictObject({ sha256: sha256Schema, bytes: z.int() }).nullable(),
  statementSha256: sha256Schema,
  recordedS: z.int(),
  uploadedS: z.int(),
  deletesS: momentS,
  erasesS: momentS,
  recall: z.string().nullable(),
  deletion: z.string().nullable(),
});
const next = z.string().nullable();
const itemsSchema = z.strictObject({ items: z.array(viewSchema), next });
const trailSchema = z.strictObject({
  entries: z.array(
    z.strictObject({
      sequence: z.int(),
      atUs: z.int(),
      agency: idSchema,
      item: z.string(),
      cases: z.array(z.string()).readonly(),
      event: z.string(),
      detail: z.string(),
      by: z.string(),
      officer: z.string(),
      reason: z.string(),
    }),
  ),
  next,
});

export interface OfficerRoutesDeps {
  clients: Clients;
  evidence: Evidence;
  policies: Policies;
  publicUrl: () => string;
}

export function officerRoutes(api: Router, deps: OfficerRoutesDeps): void {
  listing(api, deps);
  seeing(api, deps);
  sorting(api, deps);
  deleting(api, deps);
  policy(api, deps);
}

/** Authenticates the actor before the rest of a call is checked. */
function officers({ clients }: Pick<OfficerRoutesDeps, 'clients'>) {
  const admit = ({ request, params }: Admission<z.ZodType<{ agency: string }>>) =>
    actorOf(request, clients, params.agency);
  return { roles: ['client'], headers: officerHeadersSchema, admit } as const;
}

function listing(api: Router, deps: OfficerRoutesDeps): void {
  const { evidence } = deps;
  const of = { method: 'GET', ...officers(deps), params: agencySchema } as const;
  api.route(
    {
      ...of,
      path: `${BASE}/evidence`,
      query: listSchema,
      answer: itemsSchema,
      about: "The agency's items that the client is cleared for, newest first.",
    },
    ({ admitted, query: { limit, after, ...filter } }) => evidence.list(admitted, filter, { limit, after }),
  );
  api.route(
    {
      ...of,
      path: `${BASE}/trail`,
      query: pageSchema,
      answer: trailSchema,
      about: 'The trail of all evidence, newest first.',
    },
    ({ admitted, query: { limit, after } }) => evidence.trail(admitted, null, { limit, after }),
  );
  api.route(
    {
      ...of,
      path: `${ITEM}/trail`,
      params: itemSchema,
      query: pageSchema,
      answer: trailSchema,
      about: 'The trail of an item, newest first.',
    },
    ({ admitted, params, query: { limit, after } }) => evidence.trail(admitted, params.item, { limit, after }),
  );
}

function seeing(api: Router, deps: OfficerRoutesDeps): void {
  const { clients, evidence, publicUrl } = deps;
  const one = { method: 'GET', ...officers(deps), params: itemSchema } as const;
  api.route({ ...one, path: ITEM, answer: viewSchema, about: 'One item.' }, ({ admitted, params }) =>
    evidence.view(admitted, params.item),
  );
  api.route(
    {
      ...one,
      path: `${ITEM}/manifest`,
      answer: statementSchema,
      about: 'The statement that the home signed about the clip.',
    },
    async ({ admitted, params }) => {
      const { statement, contents } = await evidence.manifest(admitted, params.item);
      return { manifest: statement, ...(contents && { contents }) };
    },
  );
  const clip = { media: 'video/mp4' };
  for (const [path, part, answer] of [
    ['clip', 'downloaded', CLIP_MEDIA],
    ['stream', 'streamed', clip],
  ] as const) {
    api.route(
      {
        ...one,
        path: `${ITEM}/${path}`,
        answer,
        also: { 206: answer },
        about: `The clip, whole or a range of it; the trail records it as ${part}.`,
      },
      async ({ admitted, params, request, reply }) => {
        const shown = await evidence.bytes(admitted, params.item, part);
        const caller = callerAgain(request, clients, params.agency);
        const sent = sentClip(shown, request.headers.range);
        return sendClip(reply, sent, (span) => evidence.read(caller, shown.item, part, span));
      },
    );
  }
  api.route(
    {
      ...one,
      method: 'POST',
      path: `${ITEM}/links`,
      answer: linkAnswerSchema,
      status: 201,
      about: 'Creates a link with which anyone can download the clip, once, for a limited time.',
    },
    async ({ admitted, params }) => {
      const { secret, expiresS } = await evidence.link(admitted, params.item);
      return { url: `${publicUrl()}/v1/links/${secret}`, expiresS };
    },
  );
  api.route(
    {
      method: 'GET',
      path: '/v1/links/:link',
      roles: ['public'],
      params: linkSchema,
      answer: clip,
      about: 'The clip of a link.',
    },
    async ({ params: { link }, reply }) => {
      const shown = await evidence.followLink(link);
      reply.header('referrer-policy', 'no-referrer');
      // A link works for one request: after a range request the rest could not be downloaded.
      return sendClip(reply, sentClip(shown, undefined), (span) => evidence.readLinked(link, shown.item, span));
    },
  );
}

function sentClip({ item, bytes, sha256, isSealed }: ShownClip, range: string | undefined): SentClip {
  return { name: item.clip, bytes, sha256, isSealed, range };
}

function sorting(api: Router, deps: OfficerRoutesDeps): void {
  const { evidence } = deps;
  const one = { ...officers(deps), params: itemSchema, answer: viewSchema } as const;
  api.route(
    { method: 'POST', path: `${ITEM}/triage`, ...one, body: triageSchema, about: 'Accepts or declines an item.' },
    ({ admitted, params, body }) =>
      evidence.triage(admitted, params.item, body.decision === 'accept' ? 'accepted' : 'declined'),
  );
  api.route(
    {
      method: 'PUT',
      path: `${ITEM}/categories`,
      ...one,
      body: categoriesSchema,
      about: 'Sets the categories of an item.',
    },
    ({ admitted, params, body }) => evidence.categorise(admitted, params.item, body.categories),
  );
  api.route(
    {
      method: 'PUT',
      path: `${ITEM}/access-class`,
      ...one,
      body: classSchema,
      about: 'Sets the access class of an item.',
    },
    ({ admitted, params, body }) => evidence.classify(admitted, params.item, body.accessClass),
  );
  const inCase = { ...one, path: `${ITEM}/cases/:case`, params: caseSchema } as const;
  api.route({ method: 'PUT', ...inCase, about: 'Puts an item into a case.' }, ({ admitted, params }) =>
    evidence.addCase(admitted, params.item, params.case),
  );
  api.route({ method: 'DELETE', ...inCase, about: 'Removes an item from a case.' }, ({ admitted, params }) =>
    evidence.removeCase(admitted, params.item, params.case),
  );
}

function deleting(api: Router, deps: OfficerRoutesDeps): void {
  const { evidence } = deps;
  const one = { ...officers(deps), params: itemSchema, answer: viewSchema } as const;
  api.route(
    { method: 'DELETE', path: ITEM, ...one, about: 'Deletes an item; it can be restored for a while.' },
    ({ admitted, params }) => evidence.delete(admitted, params.item),
  );
  api.route(
    { method: 'POST', path: `${ITEM}/restoration`, ...one, about: 'Restores a deleted item.' },
    ({ admitted, params }) => evidence.restore(admitted, params.item),
  );
}

const policyCategorySchema = agencySchema.extend({ category: idSchema });

function policy(api: Router, deps: OfficerRoutesDeps): void {
  const { policies } = deps;
  const officer = { ...officers(deps), answer: policyViewSchema } as const;
  const whole = { ...officer, path: `${BASE}/policy`, params: agencySchema } as const;
  api.route({ method: 'GET', ...whole, about: 'The department’s policy.' }, ({ admitted }) => policies.show(admitted));
  api.route(
    {
      method: 'PUT',
      ...whole,
      body: policyBodySchema,
      about: 'Sets the answer to recalls, or the period of declined items.',
    },
    ({ admitted, body }) => policies.set(admitted, body),
  );
  const category = { ...officer, path: `${BASE}/categories/:category`, params: policyCategorySchema } as const;
  api.route(
    { method: 'PUT', ...category, body: categoryBodySchema, about: 'Sets the period of a category.' },
    ({ admitted, params, body }) => policies.setCategory(admitted, params.category, body.days),
  );
  api.route({ method: 'DELETE', ...category, about: 'Removes a category.' }, ({ admitted, params }) =>
    policies.removeCategory(admitted, params.category),
  );
}
