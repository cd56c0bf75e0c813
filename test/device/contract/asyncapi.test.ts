// Holds the published description of the MQTT contract, and signed examples of every token, equal to the schemas.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { decryptWith, encryptTo, generateSealingKey, importSealingKey } from '../../../device/base/hpke.ts';
import { sha256, sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { generateSealKey } from '../../../device/base/seal.ts';
import { readSealedFile, writeSealedFile } from '../../../device/base/sealed-file.ts';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from '../../../device/contract/bytes.ts';
import { SALT_BYTES } from '../../../device/contract/commitment.ts';
import { homeAssistantStateSchemas, ORDER_PAYLOADS } from '../../../device/contract/home-assistant-messages.ts';
import {
  DeviceEvent,
  DeviceState,
  Receipt,
  RequestNotice,
  SightingNotice,
  UploadProgress,
} from '../../../device/contract/home-messages.ts';
import { openToken, parseToken, type TokenType } from '../../../device/contract/jws.ts';
import { Command, Denial, Grant, Pairing, Revoke } from '../../../device/contract/owner-orders.ts';
import { AreaDocument, Credential, publicationSchema, Request, Revocations } from '../../../device/contract/request.ts';
import {
  areNamed,
  commitmentsOf,
  contentKeyInfo,
  readContents,
  SEALED_CONTENTS_BYTES,
  sealedBytesOf,
  writeContents,
} from '../../../device/contract/sealing.ts';
import { Search, SearchDocument, searchPublicationSchema } from '../../../device/contract/search.ts';
import {
  CONTRACT_VERSION,
  DEFAULT_DISCOVERY_PREFIX,
  DEFAULT_PREFIX,
  discoveryTopics,
  HomeAssistantOrder,
  HomeAssistantState,
  PAYLOAD_BYTES_MAX,
  topicsUnder,
} from '../../../device/contract/topics.ts';
import { root } from '../../layout/source-tree.ts';
import { Cast } from '../../support/parties.ts';
import { Searching } from '../../support/searches.ts';

const topics = topicsUnder(DEFAULT_PREFIX);

interface Channel {
  topic: string;
  summary: string;
  writer: string;
  reader: string;
  retained: boolean;
  typ?: TokenType;
  schema: z.ZodType;
}

/** Only if the owner has turned on Home Assistant. */
const HOME_ASSISTANT_CHANNELS: Record<string, Channel> = {
  homeAssistantDocument: {
    topic: discoveryTopics.document(DEFAULT_DISCOVERY_PREFIX, '{device}'),
    summary: 'The doorbell as Home Assistant’s device-based MQTT discovery has it.',
    writer: 'device',
    reader: 'home-assistant',
    retained: true,
    schema: z.looseObject({}),
  },
  homeAssistantStatus: {
    topic: discoveryTopics.homeAssistantStatus(DEFAULT_DISCOVERY_PREFIX),
    summary: 'Home Assistant’s birth and will.',
    writer: 'home-assistant',
    reader: 'device',
    retained: false,
    schema: z.enum(['online', 'offline']),
  },
  ...Object.fromEntries(
    HomeAssistantState.options.map((name): [string, Channel] => [
      `homeAssistantState-${name}`,
      {
        topic: topics.homeAssistantState('{device}', name),
        summary: name === 'ring' ? 'A press, for Home Assistant.' : `The state of ${name}, for Home Assistant.`,
        writer: 'device',
        reader: 'home-assistant',
        retained: name !== 'ring',
        schema: homeAssistantStateSchemas[name],
      },
    ]),
  ),
  ...Object.fromEntries(
    HomeAssistantOrder.options.map((name): [string, Channel] => [
      `homeAssistantOrder-${name}`,
      {
        topic: topics.homeAssistantOrder('{device}', name),
        summary: name === 'press' ? 'Rings; unsigned.' : 'Turns privacy on, where the owner allowed that; unsigned.',
        writer: 'home-assistant',
        reader: 'device',
        retained: false,
        schema: z.literal(ORDER_PAYLOADS[name]),
      },
    ]),
  ),
};

const CHANNELS: Record<string, Channel> = {
  status: {
    topic: topics.status('{device}'),
    summary: 'Online or offline, also as the will.',
    writer: 'device',
    reader: 'owner',
    retained: true,
    schema: z.enum(['online', 'offline']),
  },
  state: {
    topic: topics.state('{device}'),
    summary: 'What the device is doing and holds.',
    writer: 'device',
    reader: 'owner',
    retained: true,
    schema: DeviceState,
  },
  event: {
    topic: topics.event('{device}'),
    summary: 'What happened at the door; never pixels.',
    writer: 'device',
    reader: 'owner',
    retained: false,
    schema: DeviceEvent,
  },
  request: {
    topic: topics.request('{device}'),
    summary: 'An open request that concerns this home.',
    writer: 'device',
    reader: 'owner',
    retained: false,
    schema: RequestNotice,
  },
  sighting: {
    topic: topics.sighting('{device}'),
    summary: 'A pet that is looked for may have been seen here; never pixels.',
    writer: 'device',
    reader: 'owner',
    retained: false,
    schema: SightingNotice,
  },
  grant: {
    topic: topics.consent('{device}', '{request}', 'grant'),
    summary: 'Consent to one clip.',
    writer: 'owner',
    reader: 'device',
    retained: false,
    typ: 'doorsill-grant+jws',
    schema: Grant,
  },
  deny: {
    topic: topics.consent('{device}', '{request}', 'deny'),
    summary: 'A no.',
    writer: 'owner',
    reader: 'device',
    retained: false,
    typ: 'doorsill-denial+jws',
    schema: Denial,
  },
  revoke: {
    topic: topics.consent('{device}', '{request}', 'revoke'),
    summary: 'A grant taken back.',
    writer: 'owner',
    reader: 'device',
    retained: false,
    typ: 'doorsill-revoke+jws',
    schema: Revoke,
  },
  receipt: {
    topic: topics.receipt('{device}'),
    summary: 'The device’s signed word on what it decided or did.',
    writer: 'device',
    reader: 'owner',
    retained: false,
    typ: 'doorsill-receipt+jws',
    schema: Receipt,
  },
  upload: {
    topic: topics.upload('{device}'),
    summary: 'Progress of one upload.',
    writer: 'device',
    reader: 'owner',
    retained: false,
    schema: UploadProgress,
  },
  command: {
    topic: topics.command('{device}'),
    summary: 'A signed order.',
    writer: 'owner',
    reader: 'device',
    retained: false,
    typ: 'doorsill-command+jws',
    schema: Command,
  },
  areaSearches: {
    topic: topics.areaSearches('{cell}', 1),
    summary: 'All open searches for pets around a cell; continued at .../2 and on.',
    writer: 'bridge',
    reader: 'device',
    retained: true,
    typ: 'doorsill-search-area+jws',
    schema: SearchDocument,
  },
  areaRequests: {
    topic: topics.areaRequests('{cell}', 1),
    summary: 'All open requests that touch a cell; continued at .../2 and on.',
    writer: 'bridge',
    reader: 'device',
    retained: true,
    typ: 'doorsill-area+jws',
    schema: AreaDocument,
  },
  revocations: {
    topic: topics.revocations,
    summary: 'The registry’s revocation list.',
    writer: 'bridge',
    reader: 'device',
    retained: true,
    typ: 'doorsill-revocations+jws',
    schema: Revocations,
  },
  ...HOME_ASSISTANT_CHANNELS,
};

const jsonSchema = (schema: z.ZodType) => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
};

/** Plain words are not JSON. */
function contentTypeOf({ typ, schema }: Channel): string {
  if (typ) return 'application/jose';
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }).type === 'string'
    ? 'text/plain'
    : 'application/json';
}

it('publishes the contract as AsyncAPI, equal to the schemas', async () => {
  const description = {
    asyncapi: '3.0.0',
    info: {
      title: 'doorsill',
      version: CONTRACT_VERSION,
      description: `MQTT 3.1.1, QoS 1, payloads of at most ${PAYLOAD_BYTES_MAX} bytes. A signed payload is a compact JWS: header {"alg":"EdDSA","typ":...} with nothing else, claims as compact JSON with no key twice, base64url without padding. Ids of requests begin with "request-", ids of searches with "search-". A command that must name the device’s last accepted order (privacy off, search-party on, forget, reset-clock-mark, add-owner) has its name in "after": sha256("doorsill-orders\\n" + device id) before the first order, then sha256(the name before + "\\n" + the accepted token) for each grant, denial, revocation and command of lasting effect, as hex. The prefix ${DEFAULT_PREFIX} can be configured.`,
    },
    channels: Object.fromEntries(
      Object.entries(CHANNELS).map(([name, channel]) => [
        name,
        {
          address: channel.topic,
          summary: channel.summary,
          'x-writer': channel.writer,
          'x-reader': channel.reader,
          messages: {
            [name]: {
              contentType: contentTypeOf(channel),
              bindings: { mqtt: { bindingVersion: '0.2.0' } },
              'x-retained': channel.retained,
              ...(channel.typ
                ? { payload: { type: 'string' }, 'x-jws-type': channel.typ, 'x-jws-claims': jsonSchema(channel.schema) }
                : { payload: jsonSchema(channel.schema) }),
            },
          },
        },
      ]),
    ),
    operations: Object.fromEntries(
      Object.entries(CHANNELS).map(([name, channel]) => [
        `${channel.writer}-${name}`,
        { action: 'send', channel: { $ref: `#/channels/${name}` }, summary: `${channel.writer} to ${channel.reader}` },
      ]),
    ),
  };
  await expect(`${JSON.stringify(description, null, 2)}\n`).toMatchFileSnapshot(
    join(root, 'device/contract/asyncapi.json'),
  );
});

/** An encrypted clip under a grant, with all that whoever writes a reader of it needs; it is opened from these texts alone. */
async function encryptedExample(grantToken: string) {
  const random = new SeededRandom(9);
  const [recipient, contentKey] = [generateSealingKey(random), generateSealKey(random)];
  const salt = () => toBase64url(random.bytes(SALT_BYTES));
  const contents = {
    disclosed: { email: 'casey@home.example' },
    zones: [{ left: 0, top: 0, width: 2_500, height: 10_000 }],
    salts: { email: salt(), zones: salt() },
  };
  const clip = 'In place of an MP4 file.';
  const id = Grant.parse(parseToken(grantToken)?.claims).jti;
  const grantSha256 = sha256Hex(grantToken);
  /** The pseudonym of the statement, whose key the example leaves out. */
  const home = 'home-example';
  const info = contentKeyInfo({ home, grantSha256 });
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-example-'));
  const path = join(folder, 'clip');
  await writeSealedFile(new SystemDisk(), random, { path, key: contentKey, id }, [writeContents(contents), utf8(clip)]);
  const file = readFileSync(path);
  await rm(folder, { recursive: true });
  const example = {
    note: 'Open `file` (base64url) with `privateKey`, as docs/developer.md says: it holds `contents` in a block of 8,192 bytes, then `clip`.',
    privateKey: recipient.exportSecret(),
    ...{ grant: id, home },
    sealed: {
      ...{ clipSha256: sha256Hex(clip), clipBytes: clip.length, recipientKey: recipient.publicKey, grantSha256 },
      contentKey: toBase64url(encryptTo(recipient.publicKey, contentKey.secret, { info }, random) ?? new Uint8Array()),
      ...commitmentsOf(contents, sha256),
    },
    file: toBase64url(file),
    ...{ contents, clip },
  };
  const { sealed } = example;
  const pair = importSealingKey(example.privateKey) ?? expect.fail('the private key is one');
  const message = fromBase64url(sealed.contentKey) ?? new Uint8Array();
  const secret = decryptWith(pair, message, {
    info: contentKeyInfo({ home: example.home, grantSha256: sealed.grantSha256 }),
  });
  const bytes = fromBase64url(example.file) ?? new Uint8Array();
  const source = {
    read: async (at: number, length: number) => bytes.slice(at, at + length),
    close: async () => undefined,
  };
  const key = { cipher: 'aes-256-gcm' as const, secret: secret ?? new Uint8Array() };
  const opened = await readSealedFile(source, { path: 'example', key, id: example.grant }, bytes.length);
  expect(readContents(await opened.read(0, SEALED_CONTENTS_BYTES))).toEqual(example.contents);
  expect(fromUtf8(await opened.read(SEALED_CONTENTS_BYTES, sealed.clipBytes))).toBe(example.clip);
  expect(areNamed(example.contents, sealed, sha256)).toBe(true);
  expect(sealedBytesOf(sealed.clipBytes)).toBe(bytes.length);
  return example;
}

it('publishes a signed example of each document, which verifies, and of an encrypted clip, which opens', async () => {
  const cast = new Cast(new ManualClock(1_790_000_000_000_000), new SeededRandom(7));
  const request = cast.request();
  const grant = cast.grant(request);
  const searching = new Searching(cast, new SeededRandom(8));
  const search = searching.search();
  const documents: [TokenType, string, z.ZodType<{ iss: string; aud: string }>][] = [
    ['doorsill-credential+jws', cast.credential(), Credential],
    ['doorsill-request+jws', request, Request],
    ['doorsill-publication+jws', cast.publication(request), publicationSchema],
    ['doorsill-area+jws', cast.areaDocument([cast.published(request)]), AreaDocument],
    ['doorsill-revocations+jws', cast.revocations(), Revocations],
    ['doorsill-grant+jws', grant, Grant],
    ['doorsill-denial+jws', cast.denial(request), Denial],
    ['doorsill-revoke+jws', cast.revoke(grant), Revoke],
    ['doorsill-command+jws', cast.command({ action: 'press', button: 'front' }), Command],
    ['doorsill-command+jws', cast.command({ action: 'privacy', on: false }, { after: sha256Hex(grant) }), Command],
    ['doorsill-pairing+jws', cast.pairing(), Pairing],
    ['doorsill-search+jws', search, Search],
    ['doorsill-search-publication+jws', searching.publication(search), searchPublicationSchema],
    ['doorsill-search-area+jws', searching.document([searching.published(search)]), SearchDocument],
  ];
  for (const [typ, token, schema] of documents) {
    const claims = schema.parse(parseToken(token)?.claims);
    const opened = openToken(token, { typ, schema, audience: claims.aud, keys: [claims.iss], verify: verifySignature });
    expect(opened, typ).toMatchObject({ ok: true });
  }
  const published = {
    note: 'Made from a fixed seed and a fixed time. Verify with the key in `iss`; requestSha256 is over the request token’s bytes.',
    requestSha256: sha256Hex(request),
    tokens: documents.map(([typ, token]) => ({ typ, token })),
    encryptedClip: await encryptedExample(grant),
  };
  await expect(`${JSON.stringify(published, null, 2)}\n`).toMatchFileSnapshot(
    join(root, 'device/contract/examples.json'),
  );
});
