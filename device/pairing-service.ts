// The doorbell's answers on its pairing socket (owner/pairing-server.ts).

import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { verifySignature } from '@doorsill/base/keys';
import { whyOffline } from '@doorsill/base/link-failure';
import type { LinkState } from '@doorsill/base/mqtt-link';
import { toBase64url } from '@doorsill/contract/bytes';
import { failure, TOKEN_FAULT_CODES } from '@doorsill/contract/errors';
import type { DeviceState } from '@doorsill/contract/home-messages';
import { openToken } from '@doorsill/contract/jws';
import { StillCall } from '@doorsill/contract/owner-orders';
import { LIFE_S_MAX } from '@doorsill/contract/shared-claims';
import type { DeviceConfig } from './config.ts';
import type { ConsentGate } from './consent/gate.ts';
import { sentClipsOf } from './consent/sent-clips.ts';
import type { ConsoleServer } from './console/console-server.ts';
import type { HomeLink } from './home-link/home-link.ts';
import { type LinkSeams, ownerAddress } from './link-factory.ts';
import type { OwnerBrokerAccounts } from './owner/owner-broker-accounts.ts';
import { PairingServer } from './owner/pairing-server.ts';
import {
  type Health,
  SENT_CLIPS_PER_ANSWER_MAX,
  type StillAnswer,
  VIEWS_PER_ANSWER_MAX,
} from './owner/pairing-wire.ts';
import type { SearchParty, Still } from './search-party/search-party.ts';
import type { StatusPublisher } from './status-publisher.ts';
import type { CustodyFetcher } from './upload/fetch-custody.ts';

export interface PairingDeps {
  config: DeviceConfig;
  folder: string;
  /** Path of the socket. */
  path: string;
  seams: LinkSeams;
  device: { id: string; publicKey: string };
  startedMs: number;
  gate: ConsentGate;
  custody: CustodyFetcher;
  home: HomeLink;
  accounts: OwnerBrokerAccounts;
  status: StatusPublisher;
  searchParty: SearchParty;
  /** The device's HTTP server; null if it is off. */
  ownServer: ConsoleServer | null;
  /** Bytes written to disk since the start, by part. */
  written(): Record<string, number>;
}

/** Returns the socket's server, not started. */
export function makePairing(deps: PairingDeps): PairingServer {
  const { config, folder, path, seams, device, gate, accounts, ownServer } = deps;
  return new PairingServer({
    ...seams,
    path,
    about: () => {
      const pins = gate.pins;
      const trust = pins && { bridgeKey: pins.bridgeKey, registryKey: pins.registryKey };
      return { device: device.id, deviceKey: device.publicKey, name: config.name, trust };
    },
    owners: () => gate.owners().map(({ key, name }) => ({ key, name })),
    health: () => {
      const state = deps.status.stateNow();
      if (!state) throw failure('not_running', { folder });
      const uptimeS = Math.round((seams.clock.monotonicMs() - deps.startedMs) / 1_000);
      const home = config.home.url === undefined ? null : deps.home.state;
      return healthOf(state, { home, uptimeS, written: deps.written() });
    },
    console: () => ownServer?.reached() ?? null,
    viewers: () => ({
      viewers: gate.viewers().map(({ tokenSha256: _secret, ...viewer }) => viewer),
      looks: gate.looks().slice(0, VIEWS_PER_ANSWER_MAX),
    }),
    sentClips: (before) => sentClipsOf(gate).page(before, SENT_CLIPS_PER_ANSWER_MAX),
    custody: (grant) => deps.custody.fetch(sentClipsOf(gate).under(grant)),
    confirm: async (code) => {
      if (!ownServer) throw failure('console_off');
      return (await ownServer.pairing.confirm(code)).name;
    },
    pair: async (key, name) => {
      if (config.home.url === undefined) throw failure('home_broker_none');
      return gate.pair(key, name);
    },
    issuesAccounts: config.home.accounts !== undefined,
    issueAccount: async (ownerKey) => {
      const address = await ownerAddress(config, folder, seams.disk);
      return config.home.accounts === undefined ? address : { ...address, ...(await accounts.issue(ownerKey)) };
    },
    still: (call) => stillFor({ ...deps, clock: seams.clock }, call),
  });
}

export interface StillDeps {
  clock: Clock;
  device: { id: string };
  gate: { owners(): { key: string }[]; readonly searchPartyOn: boolean };
  searchParty: { still(search: string): Still | null };
}

/** The still requested by an owner's signed call. Throws `token_...`, `search_party_off`, `sighting_unknown`. */
export function stillFor({ clock, device, gate, searchParty }: StillDeps, call: string): StillAnswer {
  const opened = openToken(call, {
    typ: 'doorsill-still+jws',
    schema: StillCall,
    audience: device.id,
    keys: gate.owners().map(({ key }) => key),
    verify: verifySignature,
  });
  if (!opened.ok) throw failure(TOKEN_FAULT_CODES[opened.fault]);
  const { iat, exp, search } = opened.claims;
  const nowS = wallSeconds(clock);
  if (exp <= nowS || exp - iat > LIFE_S_MAX.stillCall || iat > nowS + LIFE_S_MAX.stillCall)
    throw failure('token_expired');
  if (!gate.searchPartyOn) throw failure('search_party_off');
  const still = searchParty.still(search);
  if (!still) throw failure('sighting_unknown');
  return { ok: true, atUs: still.atUs, jpeg: toBase64url(still.jpeg) };
}

const DETAIL_LETTERS_MAX = 300;

function whyNotReached(home: LinkState): string | null {
  if (home.online) return whyOffline(home.trouble ?? null) || null;
  return whyOffline(home.error) || 'the connection is being made';
}

/** Health: parts of a state, and figures that the state leaves out. `home`: the link to the home broker; null where there is none. */
export function healthOf(
  state: DeviceState,
  more: { home: LinkState | null; uptimeS: number; written: Record<string, number> },
): Health {
  const { camera, privacy, storage, hardware, clockTrusted, area, areaDetail, owners, ring } = state;
  const { coverage: _coverage, ...ringFacts } = ring;
  const { home, uptimeS, written } = more;
  const why = home && whyNotReached(home);
  return {
    camera,
    privacy,
    storage,
    clockTrusted,
    area,
    owners,
    ring: ringFacts,
    uptimeS,
    written,
    ...(hardware ? { hardware } : {}),
    ...(areaDetail === undefined ? {} : { areaDetail }),
    homeFault: why?.slice(0, DETAIL_LETTERS_MAX) ?? null,
  };
}
