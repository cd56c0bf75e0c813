// The public routes: the server's identity, challenges, pairing, sessions.

import {
  challengeSchema,
  PairingOffer,
  PairingState,
  serverFactsSchema,
  sessionAnswerSchema,
  sessionOfferSchema,
} from '@doorsill/contract/console-messages';
import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import { sessionCookie, sessionCookieName } from './callers.ts';
import type { shownCommandLine } from './command-line.ts';
import type { LocalRouter } from './local-router.ts';
import type { NetworkPairing } from './network-pairing.ts';
import type { OwnerSessions } from './owner-sessions.ts';

export interface AccessRoutesDeps {
  device: { id: string; publicKey: string };
  sessions: OwnerSessions;
  pairing: NetworkPairing;
  ownerName(key: string): string;
  commandLine: ReturnType<typeof shownCommandLine>;
  /** Whether the server serves the home network (HTTPS), not only this machine. */
  onNetwork: boolean;
}

/** As long as an idle session lives (owner-sessions.ts). */
const COOKIE_S = 7 * 24 * 3600;

export function accessRoutes(router: LocalRouter, deps: AccessRoutesDeps): void {
  pairingRoutes(router, deps);
  sessionRoutes(router, deps);
}

function pairingRoutes(router: LocalRouter, deps: AccessRoutesDeps): void {
  const { device, sessions, pairing, onNetwork, commandLine } = deps;
  router.route(
    {
      method: 'GET',
      path: '/api/v1/server',
      roles: ['public'],
      answer: serverFactsSchema,
      about: 'Which device this is, and how a new owner is confirmed.',
    },
    () => ({
      device: device.id,
      deviceKey: device.publicKey,
      confirmsPairing: onNetwork,
      pairingLocked: pairing.locked,
      commandLine: { ...commandLine },
    }),
  );

  router.route(
    {
      method: 'POST',
      path: '/api/v1/challenges',
      roles: ['public'],
      answer: challengeSchema,
      about: 'A fresh challenge for pairing or for a session; valid for two minutes, once.',
    },
    () => ({ challenge: sessions.challenge() }),
  );

  router.route(
    {
      method: 'POST',
      path: '/api/v1/pairings',
      roles: ['public'],
      body: PairingOffer,
      answer: PairingState,
      about: 'Offers a new owner’s key, with the token from the device’s pairing code.',
    },
    ({ body, request }) =>
      router.countedAsync(request.ip, async () => {
        sessions.take(body.challenge);
        return pairing.offer(body, !onNetwork);
      }),
  );

  router.route(
    {
      method: 'GET',
      path: '/api/v1/pairings/:pairing',
      roles: ['public'],
      params: z.strictObject({ pairing: idSchema }),
      answer: PairingState,
      about: 'The state of an offer: waiting, paired or refused.',
    },
    ({ params }) => pairing.stateOf(params.pairing),
  );
}

function sessionRoutes(router: LocalRouter, { device, sessions, ownerName, onNetwork }: AccessRoutesDeps): void {
  const cookieOf = (value: string, seconds: number) =>
    `${sessionCookieName(device.id)}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${onNetwork ? '; Secure' : ''}`;

  router.route(
    {
      method: 'POST',
      path: '/api/v1/sessions',
      roles: ['public'],
      body: sessionOfferSchema,
      answer: sessionAnswerSchema,
      about: 'Opens an owner’s session. Later calls need both its cookie and the secret in this answer.',
    },
    ({ body, origin, request, reply }) =>
      router.counted(request.ip, () => {
        const { cookie, header } = sessions.open(body, origin);
        reply.header('set-cookie', cookieOf(cookie, COOKIE_S));
        return { session: header, name: ownerName(body.key) };
      }),
  );

  router.route(
    {
      method: 'DELETE',
      path: '/api/v1/sessions/current',
      roles: ['owner'],
      answer: null,
      about: 'Ends this session and its open views.',
    },
    ({ request, reply }) => {
      sessions.close(sessionCookie(request.headers.cookie, device.id) ?? '');
      reply.header('set-cookie', cookieOf('', 0));
      return undefined;
    },
  );
}
