// Owns: asking a bridge, as its operator, for a code with which devices enrol. Not here: what a code permits (the bridge), using one (the device).

import { exchangeJson } from '@doorsill/contract/json-client';
import { z } from 'zod';

/** How many devices, one by default; for how many seconds, by default as the bridge is set. */
export interface CodeWish {
  readonly devices?: number;
  readonly lifeS?: number;
}

const printedSchema = z.object({ id: z.string(), devices: z.int(), expiresS: z.int(), code: z.string() });

/** A new code of the bridge at `url`; `bearer` is its admin token. Throws the bridge's refusal, `unreachable`. */
export async function askForEnrolmentCode(url: string, bearer: string, wish: CodeWish = {}) {
  return printedSchema.parse(await exchangeJson(`${url}/v1/enrolment-codes`, { method: 'POST', body: wish, bearer }));
}
