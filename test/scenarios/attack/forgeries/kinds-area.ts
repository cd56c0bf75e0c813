// Forgeries on the area link: the cell's document and the registry's list, signed by the bridge or the registry.
import { claimsOf } from '../../../support/parties.ts';
import type { Claims, Scene } from './scene.ts';
import { counted, type Draw, type Fate, type Forgery, ignored, type Kind } from './strike.ts';

const UNKNOWN = counted('token_unknown_claims');
const DAY_S = 24 * 3_600;

/** A document with these claims on the topic of a part. */
export function documentOf(scene: Scene, claims: Claims, fate: Fate, part = 1): Forgery {
  const { cast, rig } = scene;
  const payload = Buffer.from(scene.sign('doorsill-area+jws', claims, cast.bridge));
  return { topic: rig.topics.areaRequests(cast.cell, part), payload, retained: true, fate };
}

/** A kind of document that the bridge itself signed and that must be refused. */
function ofDocument(name: string, change: (scene: Scene, draw: Draw) => Claims, fate: Fate, part = 1): Kind {
  return {
    name: `an area document ${name}`,
    // No link subscribes to a part that the first part does not announce.
    ...(part === 1 ? {} : { needs: 'local' as const }),
    make: (scene, draw) => documentOf(scene, scene.documentClaims(change(scene, draw)), fate, part),
  };
}

/** A kind of revocation list signed by the registry or by somebody else. */
function ofList(name: string, change: (scene: Scene, draw: Draw) => Claims, fate: Fate): Kind {
  return {
    name: `a revocation list ${name}`,
    make: (scene, draw) => {
      const claims = scene.listClaims(change(scene, draw));
      const payload = Buffer.from(scene.sign('doorsill-revocations+jws', claims, scene.cast.registry));
      return { topic: scene.rig.topics.revocations, payload, retained: true, fate };
    },
  };
}

const DOCUMENTS: Kind[] = [
  ofDocument(
    'of an older revision',
    ({ revision }, draw) => ({ revision: 1 + draw.below(revision - 1) }),
    counted('consent_too_old'),
  ),
  ofDocument('whose time is over', ({ nowS }, draw) => ({ exp: nowS - draw.below(9_999) }), counted('token_expired')),
  ofDocument(
    'from the future',
    ({ nowS }, draw) => ({ iat: nowS + 301 + draw.below(DAY_S), exp: nowS + 3 * DAY_S }),
    counted('consent_not_yet_valid'),
  ),
  ofDocument(
    'of another cell',
    ({ cast }, draw) => ({ cell: draw.pick([cast.cell.slice(1), `${cast.cell}0`, '9q8yz']) }),
    counted('message_topic_mismatch'),
  ),
  ofDocument(
    'of another part than its topic',
    (_, draw) => ({ part: 2 + draw.below(9), parts: 11 }),
    counted('message_topic_mismatch'),
  ),
  ofDocument('of a part beyond the last', () => ({ part: 2, parts: 1 }), counted('message_topic_mismatch'), 2),
  ofDocument(
    'of no part',
    (_, draw) => ({ [draw.pick(['part', 'parts', 'revision'])]: draw.pick<unknown>([0, -1, '1', 1.5, 2 ** 53]) }),
    UNKNOWN,
  ),
  ofDocument(
    'with a cell that is none',
    (_, draw) => ({ cell: draw.pick(['../9q8yy', '+', '#', 'a/b', '', 'ａ', 'A']) }),
    UNKNOWN,
  ),
  ofDocument(
    'with ids that are none',
    (_, draw) => ({ cancelled: [draw.pick(['../x', '+', '#', 'x'.repeat(64), '', '__proto__'])] }),
    UNKNOWN,
  ),
  ofDocument(
    'with too many requests',
    () => ({ requests: Array(101).fill({ request: '', credential: '', publication: '' }) }),
    UNKNOWN,
  ),
  ofDocument(
    'with too many cancellations',
    () => ({ cancelled: Array.from({ length: 401 }, (_, at) => `request-${at}`) }),
    UNKNOWN,
  ),
  ofDocument(
    'with requests that are none',
    ({ fresh }, draw) => {
      const { request, credential, publication } = fresh.published;
      const bad = [{ request, credential }, { request, credential, publication, more: 1 }, request, null, [request]];
      return { requests: [draw.pick<unknown>([...bad, { request, credential, publication: ['x'] }])] };
    },
    UNKNOWN,
  ),
  ofDocument(
    'with requests that are too long',
    ({ fresh }, draw) => {
      const [part, bytes] = draw.pick([
        ['request', 16_385],
        ['credential', 4_097],
        ['publication', 2_049],
      ] as const);
      return { requests: [{ ...fresh.published, [part]: 'A'.repeat(bytes) }] };
    },
    UNKNOWN,
  ),
  {
    name: 'an area document that is there already',
    needs: 'paced',
    make: (scene) => {
      const topic = scene.rig.topics.areaRequests(scene.cast.cell, 1);
      return { topic, payload: Buffer.from(scene.document), retained: true, fate: ignored };
    },
  },
];

const LISTS: Kind[] = [
  ofList(
    'rolled back',
    ({ revision }, draw) => ({ revision: 1 + draw.below(revision - 12) }),
    counted('consent_too_old'),
  ),
  ofList(
    'as old as the one at hand, signed before it',
    ({ list, nowS }, draw) => {
      const held = claimsOf(list);
      return { revision: held['revision'], iat: Number(held['iat']) - 1 - draw.below(999), exp: nowS + 3_600 };
    },
    counted('consent_too_old'),
  ),
  ofList('whose time is over', ({ nowS }, draw) => ({ exp: nowS - draw.below(9_999) }), counted('token_expired')),
  ofList('from the future', ({ nowS }) => ({ iat: nowS + 301, exp: nowS + 3_600 }), counted('consent_not_yet_valid')),
  ofList('for longer than a day', ({ nowS }, draw) => ({ exp: nowS + DAY_S + 1 + draw.below(9_999) }), UNKNOWN),
  ofList(
    'of agencies that are none',
    (_, draw) => {
      const bad = [{ agency: '../x', upToRevision: 1 }, { agency: 'a' }, { agency: 'a', upToRevision: 0 }, null, 'a'];
      return { revoked: [draw.pick<unknown>([...bad, { agency: 'a', upToRevision: 1, scope: '#' }])] };
    },
    UNKNOWN,
  ),
  ofList('too long', () => ({ revoked: Array(401).fill({ agency: 'a', upToRevision: 1 }) }), UNKNOWN),
  {
    name: 'a revocation list that is there already',
    make: (scene) => {
      const { list, rig } = scene;
      return { topic: rig.topics.revocations, payload: Buffer.from(list), retained: true, fate: ignored };
    },
  },
];

export const AREA_KINDS: Kind[] = [...DOCUMENTS, ...LISTS];
