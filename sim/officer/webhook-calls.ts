// Owns: the agency's webhook in its officer's client: setting, reading and removing it, with a secret stored beside the
// agency's key. Not here: receiving webhooks, what the bridge sends (the bridge's webhooks/).
import { join } from 'node:path';
import type { SigningKey } from '@doorsill/base/keys';
import type { AgencyAction } from '@doorsill/contract/agency-calls';
import { toBase64url, utf8 } from '@doorsill/contract/bytes';
import { exchangeJson } from '@doorsill/contract/json-client';
import { z } from 'zod';
import { type OfficerDeps, signAgencyCall } from './agency-client.ts';

/** The bridge and the agency that calls it. */
export interface WebhookPlace {
  bridge: { id: string; url: string };
  key: SigningKey;
  /** The agency's folder. */
  folder: string;
}

const viewSchema = z.object({ url: z.string(), sinceS: z.int() });
const eventsSchema = z.object({
  events: z.array(
    z.object({
      event: z.string(),
      type: z.string(),
      state: z.string(),
      madeS: z.int(),
      attempts: z.int(),
      nextS: z.int().nullable(),
      detail: z.string(),
    }),
  ),
});
/** How the delivery of one event went. */
export type ToldEvent = z.infer<typeof eventsSchema>['events'][number];

const SECRET_NAME = 'webhook.secret';

/** Sets the address, with a new secret; returns the secret's path. Throws the bridge's coded refusal. */
export async function setWebhook(deps: OfficerDeps, place: WebhookPlace, url: string): Promise<{ secretFile: string }> {
  const secret = toBase64url(deps.random.bytes(32));
  const secretFile = join(place.folder, SECRET_NAME);
  await call(deps, place, 'PUT', { action: 'set-webhook', url, secret });
  await deps.disk.replaceFile(secretFile, utf8(`${secret}\n`));
  return { secretFile };
}

/** The webhook's address, and how the last deliveries went. Throws the bridge's coded refusal. */
export async function seeWebhook(
  deps: OfficerDeps,
  place: WebhookPlace,
): Promise<z.infer<typeof viewSchema> & { events: ToldEvent[] }> {
  const see = { action: 'see-webhook' } as const;
  const view = viewSchema.parse(await call(deps, place, 'GET', see));
  return { ...view, ...eventsSchema.parse(await call(deps, place, 'GET', see, '/events')) };
}

/** Removes it. Throws the bridge's coded refusal. */
export async function removeWebhook(deps: OfficerDeps, place: WebhookPlace): Promise<void> {
  await call(deps, place, 'DELETE', { action: 'remove-webhook' });
  await deps.disk.remove(join(place.folder, SECRET_NAME));
}

function call(
  deps: OfficerDeps,
  { bridge, key }: WebhookPlace,
  method: 'GET' | 'PUT' | 'DELETE',
  action: AgencyAction,
  below = '',
): Promise<unknown> {
  const bearer = signAgencyCall(deps, key, bridge.id, action);
  return exchangeJson(`${bridge.url}/v1/webhook${below}`, { method, bearer });
}
