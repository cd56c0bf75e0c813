// An agency's request, its credential, the registry's revocations, the bridge's publication, and the area document.
import { z } from 'zod';
import { idSchema, publicKeySchema, sha256Schema } from './ids.ts';
import { Sealing } from './sealing.ts';
import { DisclosureProfile, expSchema, signedClaims, Window } from './shared-claims.ts';

/** Jurisdictions a credential can carry. `federal` is never issued; it is here so that a refusal can name it. */
export const Jurisdiction = z.enum(['municipal', 'county', 'state', 'federal']);
export type Jurisdiction = z.infer<typeof Jurisdiction>;

/** A person whom residents can ask about a request or an agency. */
export const Contact = z
  .strictObject({
    name: z.string().min(1).max(120),
    email: z.email().max(254).optional(),
    phone: z.string().min(3).max(40).optional(),
  })
  .refine((contact) => contact.email !== undefined || contact.phone !== undefined, 'an email or a phone');
export type Contact = z.infer<typeof Contact>;

/** The disclosure profiles that an agency is registered to ask for, and its retention categories. */
export const registeredTerms = {
  profiles: z.array(DisclosureProfile).min(1).max(3),
  retention: z.array(idSchema).min(1).max(16),
} as const;

/** A prefix of cell names: an area whose homes an agency may not ask. */
export const areaPrefixSchema = z.string().regex(/^[0-9b-hjkmnp-z]{1,5}$/);

/** The registry's signed statement about an agency (`aud: public`), valid for at most 24 h. */
export const Credential = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  /** Agency id: follows from its key (ids.ts). */
  agency: idSchema,
  key: publicKeySchema,
  name: z.string().min(1).max(120),
  jurisdiction: Jurisdiction,
  domain: z.string().min(4).max(253),
  scopes: z.array(idSchema).max(16),
  /** Absent in credentials of an older registry, which ledgers still hold: those allowed every profile. */
  profiles: registeredTerms.profiles.optional(),
  retention: registeredTerms.retention.optional(),
  /** Cells, by prefix of their names, whose homes this agency may not ask. */
  except: z.array(areaPrefixSchema).max(64).optional(),
  /** How clips for this agency are encrypted. Absent: not at all, so that the bridge can read them. */
  sealing: Sealing.optional(),
  /** The agency's first id, which followed from its first key; absent if its key was never rotated. */
  organisation: idSchema.optional(),
  /** Grows with every change of the agency's standing; a revocation up to a revision invalidates all older credentials. */
  revision: z.int().positive(),
});
export type Credential = z.infer<typeof Credential>;

/** A revocation with this plus a prefix of cell names as its scope covers only the homes in those cells. */
export const AREA_SCOPE = 'area-';

/** The scope that a credential needs for a request to residents. */
export const SCOPE_COMMUNITY_REQUEST = 'community-request';

/** The registry's revocation list; the newest revision wins, an older one is refused. */
export const Revocations = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  revision: z.int().positive(),
  revoked: z
    .array(
      z.strictObject({
        agency: idSchema,
        /** Credentials of this revision and older are revoked. */
        upToRevision: z.int().positive(),
        /** Revokes only this scope (`area-` and a prefix of cell names: only the homes there); absent: all of them. */
        scope: idSchema.optional(),
      }),
    )
    .max(400),
});
export type Revocations = z.infer<typeof Revocations>;

const longitude = z.number().min(-180).max(180);
const latitude = z.number().min(-90).max(90);

/** A GeoJSON polygon of one ring without holes (RFC 7946 §3.1.6): closed, 3 to 64 corners, [longitude, latitude]. */
export const Polygon = z.strictObject({
  type: z.literal('Polygon'),
  coordinates: z
    .tuple([
      z
        .array(z.tuple([longitude, latitude]))
        .min(4)
        .max(65),
    ])
    .refine(([ring]) => {
      const first = ring[0];
      const last = ring.at(-1);
      return first !== undefined && last !== undefined && first[0] === last[0] && first[1] === last[1];
    }, 'the ring ends where it starts'),
});
export type Polygon = z.infer<typeof Polygon>;

/** An agency's request to residents. Signed by the agency's key, addressed to its bridge. `jti` is the request id. */
export const Request = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  agency: idSchema,
  investigation: z.string().min(1).max(64),
  incidentType: z.string().min(1).max(64),
  text: z.string().min(1).max(2000),
  contact: Contact,
  area: Polygon,
  window: Window,
  profile: DisclosureProfile,
  retention: idSchema,
  /** The partner through whose channel it is made; absent: the agency's own. */
  partner: idSchema.optional(),
});
export type Request = z.infer<typeof Request>;

/** The bridge's countersignature: it published exactly these bytes under its rules (`aud: public`). */
export const publicationSchema = z.strictObject({
  ...signedClaims,
  request: idSchema,
  requestSha256: sha256Schema,
});

/** One open request as it is published: three tokens, each signed by itself. */
export const PublishedRequest = z.strictObject({
  request: z.string().max(16_384),
  credential: z.string().max(4_096),
  publication: z.string().max(2_048),
});
export type PublishedRequest = z.infer<typeof PublishedRequest>;

/** One cell's open requests: retained at `area/<cell>/requests`, continued at `.../requests/2` and so on (`aud: public`). */
export const AreaDocument = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  cell: idSchema,
  revision: z.int().positive(),
  part: z.int().min(1).max(99),
  parts: z.int().min(1).max(99),
  requests: z.array(PublishedRequest).max(100),
  /** Ids of requests that ended early and must be dropped: resolved, cancelled, or their agency revoked. */
  cancelled: z.array(idSchema).max(400),
});
export type AreaDocument = z.infer<typeof AreaDocument>;
