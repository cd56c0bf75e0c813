// Forgeries of the claims that every document has, and of topic and delivery, signed by the right key.
import { on } from './kinds-spelling.ts';
import type { Base, Claims, Scene } from './scene.ts';
import { counted, type Draw, type Fate, type Kind } from './strike.ts';

const UNKNOWN = counted('token_unknown_claims');

/** Invalid ids: they would climb, match or split a topic, or resemble another id. */
const NO_IDS = [
  ...['../../command', '..', '+', '#', 'a/b', '$SYS', 'a\0b', '', ' ', '-a', 'A', 'grant_1', 'a'.repeat(64)],
  ...['__proto__', 'grаnt-1', 'grant-1\n', 'grant-1 ', 'ｇrant', 'grant-①', 'é', '\u202egrant', '%2e%2e', "a'--"],
];

/** A kind with changed claims, signed by the right key. */
function ofClaims(
  name: string,
  change: (claims: Claims, scene: Scene, draw: Draw, base: Base) => Claims,
  fate: Fate = UNKNOWN,
  fits: (base: Base) => boolean = () => true,
): Kind {
  return {
    name,
    make: (scene, draw) => {
      const base = draw.pick(scene.bases().filter(fits));
      return on(base, scene.sign(base.typ, change(base.claims, scene, draw, base), base.signer), fate);
    },
  };
}

function without(claims: Claims, key: string): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => name !== key));
}

const ofOwner = ({ link }: Base) => link === 'home';

/** Of any document. */
const DOCUMENTS: Kind[] = [
  // An order without `after` is well-formed, and refused as stale: a separate kind (kinds-orders.ts).
  ofClaims('a claim left out', (claims, _, draw) =>
    without(claims, draw.pick(Object.keys(claims).filter((name) => name !== 'after'))),
  ),
  ofClaims('a claim of nothing', (claims, _, draw) => ({
    ...claims,
    [draw.pick(Object.keys(claims))]: draw.pick<unknown>([null, {}, { toString: 1 }, [[]]]),
  })),
  ofClaims('a claim nobody knows', (claims, _, draw) => ({
    ...claims,
    [draw.pick(['admin', 'nbf', 'sub', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty'])]: true,
  })),
  ofClaims('a claim __proto__', (claims, _, draw) => {
    const own = { ...claims };
    const value = draw.pick<unknown>([{ admin: true }, null, 1]);
    Object.defineProperty(own, '__proto__', { value, enumerable: true });
    return own;
  }),
  ofClaims('a signer who is no key', (claims, _, draw) => {
    const iss = draw.pick(['', 'A'.repeat(42), 'A'.repeat(44), `${'A'.repeat(42)}=`, '../owner', ['A'.repeat(43)]]);
    return { ...claims, iss };
  }),
  ofClaims('no audience for an id', (claims, _, draw) => ({ ...claims, aud: draw.pick([...NO_IDS, ['device-1']]) })),
  ofClaims(
    'another audience',
    (claims, { cast, strangers }, draw) => {
      const all = [strangers.device.id, strangers.bridge.id, cast.owner.id, cast.bridge.id, cast.agency.id, 'everyone'];
      return { ...claims, aud: draw.pick(all) };
    },
    counted('token_wrong_audience'),
  ),
  {
    name: 'a message on a topic of another type',
    make: (scene, draw) => {
      const base = draw.pick(scene.bases());
      const other = draw.pick(scene.bases().filter(({ typ }) => typ !== base.typ));
      return on(other, scene.sign(base.typ, base.claims, base.signer), counted('token_wrong_type'));
    },
  },
  ofClaims('an id that is none', (claims, _, draw) => ({ ...claims, jti: draw.pick(NO_IDS) }), UNKNOWN, ofOwner),
  {
    name: 'an owner’s message from the broker’s storage',
    make: (scene, draw) => {
      const base = draw.pick(scene.bases().filter(ofOwner));
      const token = scene.sign(base.typ, base.claims, base.signer);
      return { ...on(base, token, counted('message_retained')), retained: true };
    },
  },
];

/** A kind on the wrong topic. */
function onTopic(name: string, topic: (scene: Scene, base: Base, draw: Draw) => string): Kind {
  return {
    name,
    needs: 'local',
    make: (scene, draw) => {
      const base = draw.pick(
        scene.bases().filter(({ link, typ }) => link === 'home' && typ !== 'doorsill-command+jws'),
      );
      const token = scene.sign(base.typ, base.claims, base.signer);
      return { ...on(base, token, counted('message_topic_mismatch')), topic: topic(scene, base, draw) };
    },
  };
}

const replaced = (topic: string, level: number, by: string): string =>
  topic
    .split('/')
    .map((text, at) => (at === level ? by : text))
    .join('/');

const TOPICS: Kind[] = [
  onTopic('another request’s topic', (scene, base) => {
    const all = [scene.pending, scene.other, scene.granted, scene.spent];
    const other = all.find(({ id }) => id !== base.claims['request']);
    return replaced(base.topic, 5, other?.id ?? 'request-other');
  }),
  onTopic('a topic with an id that is none', (_, { topic }, draw) => replaced(topic, 5, draw.pick(NO_IDS))),
  onTopic('another device’s topic', ({ strangers }, { topic }, draw) =>
    replaced(topic, 3, draw.pick([strangers.device.id, '+', '', '..'])),
  ),
  onTopic('another action or prefix', (_, { topic }, draw) =>
    draw.pick([
      `${topic}/`,
      `/${topic}`,
      `${topic}s`,
      `${topic}/x`,
      `v2/${topic}`,
      topic.toUpperCase(),
      `${topic}\0`,
      '',
    ]),
  ),
  onTopic('a topic as an object’s own', (_, { topic }, draw) =>
    replaced(topic, 6, draw.pick(['constructor', '__proto__', 'toString', '', 'Grant', '+', '#'])),
  ),
];

export const CLAIM_KINDS: Kind[] = [...DOCUMENTS, ...TOPICS];
