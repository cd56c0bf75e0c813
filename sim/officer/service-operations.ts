// The operations of bridge, registry and vault that clients of this package call, each with its method and path as in the service's OpenAPI
// document (a test compares them), and the part of its answer that is read.

import { Contact, Jurisdiction, registeredTerms } from '@doorsill/contract/request';
import { Sealing, sealingKeySchema } from '@doorsill/contract/sealing';
import { z } from 'zod';

/** An HTTP operation. `answer`: absent where the answer is empty, not JSON, or not read. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With its path parameters in braces. */
  readonly path: string;
  readonly answer?: z.ZodType;
}

const nextSchema = z.string().nullable();

const RequestView = z.object({
  request: z.string(),
  state: z.string(),
  findings: z.array(z.object({ kind: z.string(), words: z.string(), why: z.string() })).default([]),
  reason: z.string().optional(),
});
/** A request as its own agency is shown it. */
export type RequestView = z.infer<typeof RequestView>;

const ClipEntry = z.object({
  clip: z.string(),
  request: z.string(),
  bytes: z.int().positive(),
  sha256: z.string(),
});
/** A clip as a bridge lists it. */
export type ClipEntry = z.infer<typeof ClipEntry>;

const WaitingRequest = z.object({
  request: z.string(),
  agencyName: z.string(),
  revision: z.number(),
  findings: z.array(z.object({ field: z.string(), words: z.string(), why: z.string() })).default([]),
  claims: z.object({ incidentType: z.string(), text: z.string() }),
});
/** A request that waits for a moderator. */
export type WaitingRequest = z.infer<typeof WaitingRequest>;

const PartnerFacts = z.object({ partner: z.string(), name: z.string(), status: z.string(), since: z.string() });
/** Public facts about a partner. */
export type PartnerFacts = z.infer<typeof PartnerFacts>;
const PartnerSecrets = PartnerFacts.extend({ token: z.string(), webhookSecret: z.string() });
/** The same with its secrets, which the bridge shows once. */
export type PartnerSecrets = z.infer<typeof PartnerSecrets>;

const moderatorSchema = z.object({ moderator: z.string(), name: z.string() });

const WebhookEvent = z.object({
  event: z.string(),
  type: z.string(),
  state: z.string(),
  madeS: z.int(),
  attempts: z.int(),
  nextS: z.int().nullable(),
  detail: z.string(),
});
/** One event for a webhook, and how its delivery went. */
export type WebhookEvent = z.infer<typeof WebhookEvent>;

const CloneSign = z.object({
  device: z.string(),
  code: z.string(),
  firstS: z.int(),
  lastS: z.int(),
  times: z.int(),
});
/** A sign that a device exists twice. */
export type CloneSign = z.infer<typeof CloneSign>;

const accessSchema = z.object({
  number: z.int(),
  atUs: z.int(),
  agency: z.string(),
  action: z.string(),
  part: z.string(),
  clip: z.string(),
  officer: z.string(),
  reason: z.string(),
  token: z.string(),
  leaf: z.int().nullable(),
});

const SearchPosted = z.object({ search: z.string(), state: z.enum(['open', 'ended', 'expired']), expiresS: z.int() });
/** A pet owner's search as the bridge has it. */
export type SearchPosted = z.infer<typeof SearchPosted>;

export const BRIDGE_OPERATIONS = {
  readBridge: { method: 'GET', path: '/v1/bridge', answer: z.object({ id: z.string() }) },

  postRequest: { method: 'POST', path: '/v1/requests', answer: RequestView },
  postPartnerRequest: { method: 'POST', path: '/v1/partners/{partner}/requests', answer: RequestView },
  readRequest: { method: 'GET', path: '/v1/requests/{request}', answer: RequestView },
  withdrawRequest: { method: 'POST', path: '/v1/requests/{request}/withdraw', answer: RequestView },
  resolveRequest: { method: 'POST', path: '/v1/requests/{request}/resolve', answer: RequestView },

  listClips: { method: 'GET', path: '/v1/clips', answer: z.object({ clips: z.array(ClipEntry), next: nextSchema }) },
  downloadClip: { method: 'GET', path: '/v1/clips/{clip}' },
  reportClip: { method: 'POST', path: '/v1/clips/{clip}/verdict' },
  listAccesses: {
    method: 'GET',
    path: '/v1/access-audit',
    answer: z.object({ accesses: z.array(accessSchema), next: nextSchema }),
  },
  exportAccessesAsCsv: { method: 'GET', path: '/v1/access-audit.csv' },
  exportAccessesAsHtml: { method: 'GET', path: '/v1/access-audit.html' },
  openManifest: {
    method: 'POST',
    path: '/v1/disputes',
    answer: z.object({
      clip: z.string(),
      grant: z.string(),
      leaf: z.int(),
      manifest: z.string(),
      certificate: z.string().optional(),
    }),
  },

  setWebhook: { method: 'PUT', path: '/v1/webhook' },
  readWebhook: { method: 'GET', path: '/v1/webhook', answer: z.object({ url: z.string(), sinceS: z.int() }) },
  listWebhookEvents: {
    method: 'GET',
    path: '/v1/webhook/events',
    answer: z.object({ events: z.array(WebhookEvent) }),
  },
  removeWebhook: { method: 'DELETE', path: '/v1/webhook' },

  listWaitingRequests: {
    method: 'GET',
    path: '/v1/moderation',
    answer: z.object({ requests: z.array(WaitingRequest), next: nextSchema }),
  },
  approveRequest: {
    method: 'POST',
    path: '/v1/moderation/{request}/approve',
    answer: z.object({ state: z.string() }),
  },
  refuseRequest: { method: 'POST', path: '/v1/moderation/{request}/refuse', answer: z.object({ state: z.string() }) },
  listModerators: {
    method: 'GET',
    path: '/v1/moderators',
    answer: z.object({ moderators: z.array(moderatorSchema) }),
  },
  addModerator: { method: 'POST', path: '/v1/moderators', answer: moderatorSchema.extend({ token: z.string() }) },
  removeModerator: { method: 'DELETE', path: '/v1/moderators/{moderator}' },

  listPartners: { method: 'GET', path: '/v1/partners', answer: z.object({ partners: z.array(PartnerFacts) }) },
  addPartner: { method: 'POST', path: '/v1/partners', answer: PartnerSecrets },
  readPartner: { method: 'GET', path: '/v1/partners/{partner}', answer: PartnerFacts.extend({ revision: z.int() }) },
  setPartnerStatus: {
    method: 'POST',
    path: '/v1/partners/{partner}/status',
    answer: PartnerFacts.extend({ cancelled: z.int() }),
  },
  renewPartner: { method: 'POST', path: '/v1/partners/{partner}/tokens', answer: PartnerSecrets },

  createEnrolmentCode: {
    method: 'POST',
    path: '/v1/enrolment-codes',
    answer: z.object({ id: z.string(), devices: z.int(), expiresS: z.int(), code: z.string() }),
  },
  listEnrolmentCodes: {
    method: 'GET',
    path: '/v1/enrolment-codes',
    answer: z.object({
      codes: z.array(z.object({ id: z.string(), devices: z.int(), enrolled: z.int(), expiresS: z.int() })),
    }),
  },
  endEnrolmentCode: { method: 'DELETE', path: '/v1/enrolment-codes/{code}' },
  listCloneSigns: {
    method: 'GET',
    path: '/v1/clone-signs',
    answer: z.object({ signs: z.array(CloneSign), next: nextSchema }),
  },

  uploadPetPhoto: { method: 'POST', path: '/v1/search-party/photos', answer: z.object({ photo: z.string() }) },
  postSearch: { method: 'POST', path: '/v1/search-party/searches', answer: SearchPosted },
  endSearch: { method: 'POST', path: '/v1/search-party/searches/{search}/end', answer: SearchPosted },
  listFoundClips: {
    method: 'GET',
    path: '/v1/search-party/clips',
    answer: z.object({
      clips: z.array(z.object({ clip: z.string(), request: z.string(), bytes: z.int(), sha256: z.string() })),
    }),
  },
  downloadFoundClip: { method: 'GET', path: '/v1/search-party/clips/{clip}' },
  reportFoundClip: { method: 'POST', path: '/v1/search-party/clips/{clip}/verdict' },
  readFoundClipManifest: {
    method: 'GET',
    path: '/v1/search-party/clips/{clip}/manifest',
    answer: z.object({ manifest: z.string() }),
  },
} satisfies Record<string, Operation>;

const KnownAgency = z.object({
  agency: z.string(),
  name: z.string(),
  jurisdiction: z.string(),
  domain: z.string(),
  /** Why a pending one waits for a person. */
  waits: z.string().optional(),
  /** Of an approved one: with what it has applied again, and why that waits. */
  amendment: z.object({ name: z.string(), jurisdiction: z.string(), domain: z.string(), waits: z.string() }).optional(),
  state: z.string(),
  revision: z.number(),
  /** How clips for it are encrypted; null: not at all. */
  sealing: Sealing.nullable().default(null),
});
/** An agency as the registry knows it. */
export type KnownAgency = z.infer<typeof KnownAgency>;

export const REGISTRY_OPERATIONS = {
  readCredential: {
    method: 'GET',
    path: '/v1/credentials/{agency}',
    answer: z.object({ credential: z.string() }),
  },
  applyAsAgency: { method: 'POST', path: '/v1/agencies', answer: KnownAgency },
  listAgencies: {
    method: 'GET',
    path: '/v1/agencies',
    answer: z.object({ agencies: z.array(KnownAgency), next: nextSchema }),
  },
  readAgency: {
    method: 'GET',
    path: '/v1/agencies/{agency}',
    answer: KnownAgency.extend({
      jurisdiction: Jurisdiction,
      contact: Contact.nullable(),
      ...registeredTerms,
      successor: z.string().optional(),
    }),
  },
  approveAgency: { method: 'POST', path: '/v1/agencies/{agency}/approve', answer: KnownAgency },
  refuseAgency: { method: 'POST', path: '/v1/agencies/{agency}/refuse', answer: KnownAgency },
  suspendAgency: { method: 'POST', path: '/v1/agencies/{agency}/suspend', answer: KnownAgency },
  revokeAgency: { method: 'POST', path: '/v1/agencies/{agency}/revoke', answer: KnownAgency },
  reinstateAgency: { method: 'POST', path: '/v1/agencies/{agency}/reinstate', answer: KnownAgency },
  rotateAgency: { method: 'POST', path: '/v1/agencies/{agency}/rotate', answer: KnownAgency },
} satisfies Record<string, Operation>;

const ItemView = z.object({
  item: z.string(),
  request: z.string(),
  investigation: z.string(),
  triage: z.enum(['pending', 'accepted', 'declined']),
  state: z.enum(['active', 'deleted', 'erased']),
  accessClass: z.string(),
  categories: z.array(z.string()),
  cases: z.array(z.string()),
  sha256: z.string(),
  recordedS: z.int(),
  uploadedS: z.int(),
  deletesS: z.int().nullable(),
  erasesS: z.int().nullable(),
  recall: z.string().nullable(),
  deletion: z.string().nullable(),
});
/** An item of evidence as an officer is shown it. */
export type ItemView = z.infer<typeof ItemView>;

const TrailEntry = z.object({
  sequence: z.int(),
  atUs: z.int(),
  item: z.string(),
  event: z.string(),
  detail: z.string(),
  by: z.string(),
  officer: z.string(),
  reason: z.string(),
});
/** One line of an item's or agency's trail. */
export type TrailEntry = z.infer<typeof TrailEntry>;
const trailSchema = z.object({ entries: z.array(TrailEntry), next: nextSchema });

const DepartmentPolicy = z.object({
  /** Days; null: until somebody deletes it. */
  categories: z.record(z.string(), z.number().nullable()),
  recall: z.object({ answer: z.enum(['erase', 'restrict', 'keep']), reason: z.string().nullable() }),
  declinedDays: z.union([z.number(), z.literal('same')]).nullable(),
});
/** A department's policy. */
export type DepartmentPolicy = z.infer<typeof DepartmentPolicy>;

const AGENCY = '/v1/agencies/{agency}';
const ITEM = `${AGENCY}/evidence/{item}`;

export const VAULT_OPERATIONS = {
  readVault: { method: 'GET', path: '/v1/vault', answer: z.object({ sealingKey: sealingKeySchema.optional() }) },
  createToken: { method: 'POST', path: '/oauth2/token', answer: z.object({ access_token: z.string() }) },
  addBridge: { method: 'POST', path: '/v1/bridges' },
  createClient: {
    method: 'POST',
    path: `${AGENCY}/clients`,
    answer: z.object({ client: z.string(), secret: z.string() }),
  },
  setSuccessor: { method: 'PUT', path: `${AGENCY}/successor` },

  listEvidence: {
    method: 'GET',
    path: `${AGENCY}/evidence`,
    answer: z.object({ items: z.array(ItemView), next: nextSchema }),
  },
  readItem: { method: 'GET', path: ITEM, answer: ItemView },
  readStatement: { method: 'GET', path: `${ITEM}/manifest`, answer: z.object({ manifest: z.string() }) },
  downloadItem: { method: 'GET', path: `${ITEM}/clip` },
  triageItem: { method: 'POST', path: `${ITEM}/triage`, answer: ItemView },
  setItemCategories: { method: 'PUT', path: `${ITEM}/categories`, answer: ItemView },
  setAccessClass: { method: 'PUT', path: `${ITEM}/access-class`, answer: ItemView },
  addToCase: { method: 'PUT', path: `${ITEM}/cases/{case}`, answer: ItemView },
  removeFromCase: { method: 'DELETE', path: `${ITEM}/cases/{case}`, answer: ItemView },
  deleteItem: { method: 'DELETE', path: ITEM, answer: ItemView },
  restoreItem: { method: 'POST', path: `${ITEM}/restoration`, answer: ItemView },
  createLink: { method: 'POST', path: `${ITEM}/links`, answer: z.object({ url: z.string(), expiresS: z.int() }) },
  readItemTrail: { method: 'GET', path: `${ITEM}/trail`, answer: trailSchema },
  readTrail: { method: 'GET', path: `${AGENCY}/trail`, answer: trailSchema },

  readPolicy: { method: 'GET', path: `${AGENCY}/policy`, answer: DepartmentPolicy },
  setPolicy: { method: 'PUT', path: `${AGENCY}/policy`, answer: DepartmentPolicy },
  setCategory: { method: 'PUT', path: `${AGENCY}/categories/{category}`, answer: DepartmentPolicy },
  removeCategory: { method: 'DELETE', path: `${AGENCY}/categories/{category}`, answer: DepartmentPolicy },
} satisfies Record<string, Operation>;
