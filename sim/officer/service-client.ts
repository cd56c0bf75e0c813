// The one way in which agencies, officers, moderators, partners, operators and pet owners call bridge, registry and vault.

import { exchangeJson } from '@doorsill/contract/json-client';
import { parseJson } from '@doorsill/contract/parse-json';
import { failureOf } from '@doorsill/contract/problem';
import type { z } from 'zod';
import { failure } from '../errors.ts';
import { BRIDGE_OPERATIONS, type Operation, REGISTRY_OPERATIONS, VAULT_OPERATIONS } from './service-operations.ts';

/** Who asks and why: recorded before anything is shown. There is no default. */
export interface Who {
  /** Name or badge. */
  officer: string;
  reason: string;
}

/** A service, and what authorizes a call to it. */
export interface ServiceAccess {
  /** Its base URL. */
  url: string;
  /** The bearer token; absent or empty: none is sent. */
  bearer?: string;
  /** Sent as the headers x-officer and x-reason. */
  who?: Who;
}

const OPERATIONS = { ...BRIDGE_OPERATIONS, ...REGISTRY_OPERATIONS, ...VAULT_OPERATIONS };
type Operations = typeof OPERATIONS;

type OperationName = keyof Operations;
/** The checked answer of each operation. */
export type Answers = {
  [Name in OperationName]: Operations[Name] extends { answer: infer Schema extends z.ZodType }
    ? z.infer<Schema>
    : unknown;
};
/** Path parameters by their names in the path; all others become the query, without those that are undefined. */
export type Parameters = Readonly<Record<string, string | undefined>>;

/**
 * Calls one operation and returns its checked answer. Throws `usage` for a parameter that is no path segment, the service's refusal,
 * `unreachable`, and zod's error where the answer is not the documented one.
 */
export async function call<Name extends OperationName>(
  service: ServiceAccess,
  name: Name,
  parameters: Parameters = {},
  body?: object,
): Promise<Answers[Name]> {
  const { method, answer }: Operation = OPERATIONS[name];
  const { bearer } = service;
  const received = await exchangeJson(operationUrl(service.url, name, parameters), {
    method,
    ...(bearer === undefined ? {} : { bearer }),
    headers: headersOf(service),
    ...(body === undefined ? {} : { body }),
  });
  return (answer ? answer.parse(received) : received) as Answers[Name];
}

/**
 * Downloads at most `bytesMax` bytes of an operation's answer, which is read when its parts are. Throws `usage` for a parameter that is no path
 * segment, the service's refusal, `unreachable`; and while it is read `unreachable`, also for a longer answer.
 */
export async function download(
  service: ServiceAccess,
  name: OperationName,
  parameters: Parameters,
  bytesMax: number,
): Promise<{ type: string; parts: AsyncIterable<Uint8Array> }> {
  const url = operationUrl(service.url, name, parameters);
  const unreachable = (detail: string) => failure('unreachable', { what: 'the server', where: service.url, detail });
  const failed = (thrown: unknown) => unreachable(thrown instanceof Error ? thrown.message : String(thrown));
  const { bearer } = service;
  const response = await fetch(url, {
    redirect: 'error',
    headers: { ...headersOf(service), ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }) },
  }).catch((thrown: unknown) => {
    throw failed(thrown);
  });
  const { body } = response;
  if (!response.ok || !body)
    throw failureOf(parseJson(await response.text())) ?? unreachable(`it answered with status ${response.status}`);
  async function* parts(): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    try {
      for await (const part of body ?? []) {
        bytes += part.length;
        if (bytes > bytesMax) break;
        yield part;
      }
    } catch (thrown) {
      throw failed(thrown);
    }
    if (bytes > bytesMax) throw unreachable(`its answer has more than ${bytesMax} bytes`);
  }
  return { type: response.headers.get('content-type')?.split(';')[0]?.trim() ?? '', parts: parts() };
}

function headersOf({ who }: ServiceAccess): Record<string, string> {
  if (who === undefined) return {};
  return { 'x-officer': encodeURIComponent(who.officer), 'x-reason': encodeURIComponent(who.reason) };
}

/** The address of an operation, with its parameters filled in. Throws `usage` for a parameter that is no path segment. */
export function operationUrl(url: string, name: OperationName, parameters: Parameters = {}): string {
  const { path } = OPERATIONS[name];
  const filled = path.replaceAll(/\{(\w+)\}/g, (_braced, key: string) => {
    const value = parameters[key] ?? '';
    // Dot segments and slashes would lead to another operation (RFC 3986 §5.2.4).
    if (value === '' || value === '.' || value === '..' || value.includes('/'))
      throw failure('usage', { detail: `"${value}" is not a valid ${key}` });
    return encodeURIComponent(value);
  });
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== undefined && !path.includes(`{${key}}`)) query.set(key, value);
  }
  return `${url}${filled}${query.size === 0 ? '' : `?${query}`}`;
}

/** Reads the pages of a list, one after the other. */
export async function* pages<Page extends { next: string | null }>(
  read: (cursor: string | undefined) => Promise<Page>,
): AsyncGenerator<Page> {
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: Page = await read(cursor);
    yield page;
    cursor = page.next;
  }
}
