// Orders really signed by a paired owner that must be refused: by a key thief, replayed or reordered by a broker, or signed by mistake.
import { toBase64url } from '../../../../device/contract/bytes.ts';
import type { ErrorCode } from '../../../../device/contract/errors.ts';
import { encode, SMALL_ORDER } from '../../../support/edwards25519.ts';
import { claimsOf } from '../../../support/parties.ts';
import type { Asked, Claims, Scene } from './scene.ts';
import { counted, type Draw, type Fate, type Kind, told } from './strike.ts';

const UNKNOWN = counted('token_unknown_claims');
const DAY_S = 24 * 3_600;

/** A kind of grant by a paired owner that must be refused for its content. */
function ofGrant(
  name: string,
  make: (scene: Scene, draw: Draw) => { asked?: Asked; changes?: Claims },
  fate: Fate | ErrorCode,
): Kind {
  return {
    name: `a grant ${name}`,
    make: (scene, draw) => {
      const { asked = scene.pending, changes = {} } = make(scene, draw);
      const token = scene.sign('doorsill-grant+jws', scene.grantClaims(asked, changes), scene.cast.owner);
      const topic = scene.consentTopic(asked.id, 'grant');
      const payload = Buffer.from(token);
      return { topic, payload, retained: false, fate: typeof fate === 'string' ? told(fate) : fate };
    },
  };
}

const span = ({ window }: Asked) => ({ startUs: window.startUs, endUs: window.endUs });

const GRANTS: Kind[] = [
  ofGrant(
    'a microsecond early',
    ({ pending }) => {
      const { startUs, endUs } = span(pending);
      return { changes: { window: { startUs: startUs - 1, endUs } } };
    },
    'consent_window_outside',
  ),
  ofGrant(
    'a microsecond late',
    ({ pending }) => {
      const { startUs, endUs } = span(pending);
      return { changes: { window: { startUs, endUs: endUs + 1 } } };
    },
    'consent_window_outside',
  ),
  ofGrant(
    'of all time',
    (_, draw) => {
      return { changes: { window: { startUs: 0, endUs: draw.pick([1, 8_000_000_000_000_000]) } } };
    },
    'consent_window_outside',
  ),
  ofGrant(
    'of another request’s window',
    ({ other }) => ({ changes: { window: span(other) } }),
    'consent_window_outside',
  ),
  ofGrant(
    'of less than a frame',
    ({ pending }, draw) => {
      const { startUs } = span(pending);
      return { changes: { window: { startUs, endUs: startUs + 1 + draw.below(999) } } };
    },
    'consent_window_too_short',
  ),
  ofGrant(
    'of a window that is none',
    ({ pending }, draw) => {
      const { startUs, endUs } = span(pending);
      const windows = [
        { startUs: endUs, endUs: startUs },
        { startUs, endUs: startUs },
        { startUs: -1, endUs },
        { endUs },
      ];
      const more = [{ startUs, endUs: 8_000_000_000_000_001 }, { startUs, endUs, more: 1 }, [startUs, endUs], {}];
      return { changes: { window: draw.pick([...windows, ...more, { startUs: `${startUs}`, endUs }]) } };
    },
    UNKNOWN,
  ),
  ofGrant(
    'of another request’s bytes',
    ({ other, fresh, denied }, draw) => {
      return { changes: { requestSha256: draw.pick([other, fresh, denied]).sha256 } };
    },
    'consent_request_changed',
  ),
  ofGrant(
    'of bytes nobody published',
    (_, draw) => {
      return { changes: { requestSha256: Buffer.from(draw.bytes(32)).toString('hex') } };
    },
    'consent_request_changed',
  ),
  ofGrant(
    'of a hash that is none',
    ({ pending }, draw) => {
      const { sha256 } = pending;
      return { changes: { requestSha256: draw.pick([sha256.toUpperCase(), sha256.slice(1), `${sha256} `, '']) } };
    },
    UNKNOWN,
  ),
  ofGrant(
    'to another agency',
    ({ strangers, cast, traps }, draw) => {
      const keys = [strangers.agency, cast.owner, cast.bridge, cast.registry, cast.device].map(
        (to) => to.key.publicKey,
      );
      return {
        changes: { recipient: { kind: 'agency', key: draw.pick([...keys, ...traps.map(({ asked }) => asked.key)]) } },
      };
    },
    'consent_wrong_recipient',
  ),
  ofGrant(
    'to a neighbor',
    ({ pending, strangers }, draw) => {
      const key = draw.pick([pending.key, strangers.owner.key.publicKey]);
      return { changes: { recipient: { kind: 'neighbor', key } } };
    },
    'consent_wrong_recipient',
  ),
  ofGrant(
    'to nobody',
    ({ pending }, draw) => {
      const { key } = pending;
      const none = [{ kind: 'press', key }, { key }, { kind: 'agency' }, { kind: 'agency', key, also: key }, key];
      return { changes: { recipient: draw.pick([...none, [{ kind: 'agency', key }]]) } };
    },
    UNKNOWN,
  ),
  ofGrant(
    'of more facts than asked',
    (_, draw) => {
      const sets = [['name'], ['phone'], ['name', 'address', 'email'], ['address', 'email', 'phone']];
      return { changes: { disclose: draw.pick(sets) } };
    },
    'consent_disclosure_beyond',
  ),
  ofGrant(
    'of facts nobody knows',
    (_, draw) => {
      const sets = [
        ['address', 'address'],
        ['email', 'address'],
        ['location'],
        ['__proto__'],
        ['Address'],
        'address',
        [1],
      ];
      return { changes: { disclose: draw.pick(sets) } };
    },
    UNKNOWN,
  ),
  ofGrant(
    'without end in bytes',
    (_, draw) => {
      return { changes: { byteLimit: draw.pick([0, -1, 60_000_000_001, 1.5, '450000000', 9_007_199_254_740_992]) } };
    },
    UNKNOWN,
  ),
  ofGrant(
    'with zones that are none',
    (_, draw) => {
      const zone = { left: 0, top: 0, width: 1, height: 1 };
      const bad = [
        { ...zone, left: -1 },
        { ...zone, left: 9_999, width: 2 },
        { ...zone, width: 0 },
        { ...zone, top: 0.5 },
      ];
      return { changes: { zones: draw.pick([bad, bad.slice(0, 1), Array(17).fill(zone), zone, [null]]) } };
    },
    UNKNOWN,
  ),
  ofGrant(
    'whose time is over',
    ({ nowS }, draw) => {
      return { changes: { iat: nowS - 20, exp: nowS - draw.below(20) } };
    },
    'consent_grant_expired',
  ),
  ofGrant(
    'from the future',
    ({ nowS }, draw) => {
      const iat = nowS + 301 + draw.below(DAY_S);
      return { changes: { iat, exp: iat + 600 } };
    },
    'consent_not_yet_valid',
  ),
  ofGrant(
    'a broker kept too long',
    ({ nowS }, draw) => {
      return { changes: { iat: nowS - DAY_S - 1 - draw.below(DAY_S), exp: nowS + 3_600 } };
    },
    'consent_too_old',
  ),
  ofGrant(
    'for longer than a week',
    ({ nowS }, draw) => {
      return { changes: { exp: nowS + 7 * DAY_S + 1 + draw.below(9_999) } };
    },
    'consent_grant_lifetime',
  ),
  ofGrant('of a request never published', ({ fresh }) => ({ asked: fresh }), 'consent_request_unknown'),
  ofGrant('of a request that was cancelled', ({ cancelled }) => ({ asked: cancelled }), 'consent_request_cancelled'),
  ofGrant('of a request that is over', ({ expired }) => ({ asked: expired }), 'consent_request_expired'),
  ofGrant('of a request that is granted', ({ granted }) => ({ asked: granted }), 'consent_already_granted'),
  ofGrant('of a request that was denied', ({ denied }) => ({ asked: denied }), 'consent_denied_before'),
  ofGrant(
    'of an id used for other words',
    ({ pending, live, spentToken }, draw) => {
      return { asked: pending, changes: { jti: draw.pick([live.id, claimsOf(spentToken)['jti']]) } };
    },
    'consent_replayed',
  ),
  ofGrant(
    'older than the last word',
    ({ spent, nowS }, draw) => {
      return { asked: spent, changes: { iat: nowS - DAY_S + 3_600 + draw.below(3_600), exp: nowS + 600 } };
    },
    'consent_too_old',
  ),
  {
    name: 'a grant to an agency that may not ask',
    make: (scene, draw) => {
      const { code, asked } = draw.pick(scene.traps);
      const token = scene.sign('doorsill-grant+jws', scene.grantClaims(asked), scene.cast.owner);
      const payload = Buffer.from(token);
      return { topic: scene.consentTopic(asked.id, 'grant'), payload, retained: false, fate: told(code) };
    },
  },
  {
    name: 'a grant that was revoked, again',
    make: (scene) => {
      const payload = Buffer.from(scene.spentToken);
      const fate = told('consent_revoked_before');
      return { topic: scene.consentTopic(scene.spent.id, 'grant'), payload, retained: false, fate };
    },
  },
  {
    name: 'a grant that its revocation has overtaken',
    make: (scene) => {
      const payload = Buffer.from(scene.ahead);
      const fate = told('consent_revoked_before');
      return { topic: scene.consentTopic(scene.other.id, 'grant'), payload, retained: false, fate };
    },
  },
];

/** A kind of denial, revocation or command that must be refused for its content. */
function ofOrder(
  name: string,
  make: (scene: Scene, draw: Draw) => { action: 'deny' | 'revoke' | 'command'; claims: Claims },
  fate: Fate,
): Kind {
  const types = {
    deny: 'doorsill-denial+jws',
    revoke: 'doorsill-revoke+jws',
    command: 'doorsill-command+jws',
  } as const;
  return {
    name,
    make: (scene, draw) => {
      const { action, claims } = make(scene, draw);
      const { cast, rig } = scene;
      const request = String(claims['request']);
      const topic = action === 'command' ? rig.topics.command(cast.device.id) : scene.consentTopic(request, action);
      const payload = Buffer.from(scene.sign(types[action], claims, cast.owner));
      return { topic, payload, retained: false, fate };
    },
  };
}

const FORGET = { action: 'forget' };

const ORDERS: Kind[] = [
  ofOrder(
    'a denial of other bytes',
    (scene) => {
      return { action: 'deny', claims: scene.denialClaims(scene.pending, { requestSha256: scene.other.sha256 }) };
    },
    told('consent_request_changed'),
  ),
  ofOrder(
    'a denial whose time is over',
    (scene) => {
      const { nowS, pending } = scene;
      return { action: 'deny', claims: scene.denialClaims(pending, { iat: nowS - 60, exp: nowS }) };
    },
    told('token_expired'),
  ),
  ofOrder(
    'a denial of what is granted',
    (scene) => {
      return { action: 'deny', claims: scene.denialClaims(scene.granted) };
    },
    told('consent_deny_after_grant'),
  ),
  ofOrder(
    'a denial of what was never asked',
    (scene) => {
      return { action: 'deny', claims: scene.denialClaims(scene.fresh) };
    },
    told('consent_request_unknown'),
  ),
  ofOrder(
    'a revocation of other bytes of a grant',
    (scene, draw) => {
      const grantSha256 = Buffer.from(draw.bytes(32)).toString('hex');
      return { action: 'revoke', claims: scene.revokeClaims({ grantSha256 }) };
    },
    told('consent_nothing_to_revoke'),
  ),
  ofOrder(
    'a revocation under another request',
    (scene) => {
      return { action: 'revoke', claims: scene.revokeClaims({ request: scene.pending.id }) };
    },
    told('consent_nothing_to_revoke'),
  ),
  ofOrder(
    'a command whose time is over',
    (scene, draw) => {
      const { nowS } = scene;
      return { action: 'command', claims: scene.commandClaims(FORGET, { iat: nowS - 60, exp: nowS - draw.below(60) }) };
    },
    told('token_expired'),
  ),
  ofOrder(
    'a command from the future',
    (scene, draw) => {
      const iat = scene.nowS + 301 + draw.below(DAY_S);
      return { action: 'command', claims: scene.commandClaims(FORGET, { iat, exp: iat + 60 }) };
    },
    told('consent_not_yet_valid'),
  ),
  ofOrder(
    'a command a broker kept too long',
    (scene, draw) => {
      const iat = scene.nowS - DAY_S - 1 - draw.below(DAY_S);
      return { action: 'command', claims: scene.commandClaims(FORGET, { iat, exp: scene.nowS + 60 }) };
    },
    told('consent_too_old'),
  ),
  ofOrder(
    'a press a broker kept for minutes',
    (scene, draw) => {
      const iat = scene.nowS - 61 - draw.below(9_999);
      return { action: 'command', claims: scene.commandClaims({ action: 'press', button: 'front' }, { iat }) };
    },
    told('consent_too_old'),
  ),
  ofOrder(
    'an order that names none, or another, as the last one',
    (scene, draw) => {
      const iat = scene.nowS - draw.below(DAY_S - 60);
      const actions = [FORGET, { action: 'privacy', on: false }, { action: 'search-party', on: true }];
      const key = scene.strangers.owner.key.publicKey;
      const more = [{ action: 'reset-clock-mark' }, { action: 'add-owner', key, name: 'Mallory' }];
      const after = draw.pick([{}, { after: Buffer.from(draw.bytes(32)).toString('hex') }]);
      const claims = scene.commandClaims(draw.pick<Record<string, unknown>>([...actions, ...more]), { iat });
      const { after: _right, ...bare } = claims;
      return { action: 'command', claims: { ...bare, ...after } };
    },
    told('consent_order_stale'),
  ),
  ofOrder(
    'an order nobody knows',
    (scene, draw) => {
      const commands = [{ action: 'grant' }, { action: 'forget', all: true }, {}, 'forget', { action: ['forget'] }];
      const more = [{ action: 'privacy', on: 'true' }, { action: 'press', button: '../door' }, { action: '__proto__' }];
      const command = draw.pick<unknown>([...commands, ...more]);
      return { action: 'command', claims: { ...scene.commandClaims({}), command } };
    },
    UNKNOWN,
  ),
  ofOrder(
    'an owner whose key anyone can sign under',
    (scene, draw) => {
      const key = toBase64url(encode(draw.pick(SMALL_ORDER)));
      return { action: 'command', claims: scene.commandClaims({ action: 'add-owner', key, name: 'Anyone' }) };
    },
    told('pairing_refused'),
  ),
  ofOrder(
    'the last owner removed',
    (scene) => {
      const command = { action: 'remove-owner', key: scene.cast.owner.key.publicKey };
      return { action: 'command', claims: scene.commandClaims(command) };
    },
    told('owner_last'),
  ),
];

export const ORDER_KINDS: Kind[] = [...GRANTS, ...ORDERS];
