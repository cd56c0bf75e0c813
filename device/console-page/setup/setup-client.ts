// The page's calls during the set-up of a doorbell. The token stays in memory; the browser keeps the cookie of its first call.
import { toBase64url } from '@doorsill/contract/bytes';
import { pairingProofInput } from '@doorsill/contract/console-messages';
import { exchangeJson, type JsonRequest } from '@doorsill/contract/json-client';
import { setupMessages } from '@doorsill/contract/setup-messages';
import type { z } from 'zod';
import { type OwnerKey, sign } from '../kit/owner-key.ts';

type Messages = { [Name in keyof typeof setupMessages]: z.output<(typeof setupMessages)[Name]> };
export type Facts = Messages['facts'];
export type Found = Messages['cameras'];
export type Attempt = Messages['attempt'];
export type Tried = Messages['tried'];
export type Choice = Messages['choice'];

const SETUP_HEADER = 'x-doorsill-setup';
/** A picture waits for those asked for before it, each of which may take half a minute. */
const ANSWER_MS_MAX = 300_000;
const ANSWER_BYTES_MAX = 5_000_000;

export class SetupClient {
  private readonly token: string;

  constructor(token: string) {
    this.token = token;
  }

  /** The future doorbell. Throws the refusal: `setup_token_refused`, `setup_taken`, `setup_over`; or `unreachable`. */
  async facts(): Promise<Facts> {
    return setupMessages.facts.parse(await this.call('', { method: 'GET' }));
  }

  /** What is connected now. */
  async cameras(): Promise<Found> {
    return setupMessages.cameras.parse(await this.call('/cameras', { method: 'GET' }));
  }

  /** A picture of a camera, taken now. Throws the camera's failure. */
  async try(attempt: Attempt): Promise<Tried> {
    return setupMessages.tried.parse(await this.call('/pictures', { method: 'POST', body: attempt }));
  }

  /** Writes the settings and pairs this browser. Throws the refusal, after which nothing is written. */
  async finish(choice: Choice): Promise<void> {
    setupMessages.done.parse(await this.call('', { method: 'POST', body: choice }));
  }

  private call(path: string, request: JsonRequest): Promise<unknown> {
    return exchangeJson(new URL(`/api/v1/setup${path}`, location.origin).href, {
      ...request,
      headers: { [SETUP_HEADER]: this.token },
      answerMsMax: ANSWER_MS_MAX,
      answerBytesMax: ANSWER_BYTES_MAX,
    });
  }
}

/** An owner's part of the choice: the key, with the proof that this browser holds it. */
export async function ownerOf(
  key: OwnerKey,
  { challenge }: Facts,
  name: string,
): Promise<NonNullable<Choice['owner']>> {
  const proof = toBase64url(await sign(key, pairingProofInput(key.device, challenge, key.publicKey, name)));
  return { key: key.publicKey, name, challenge, proof };
}
