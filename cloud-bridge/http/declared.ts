// Owns: what is told of a route: enough to enforce it and to write its document. Pure. Not here: enforcing (router.ts), the document
// (openapi.ts).
import { z } from 'zod';
import type { Role } from './roles.ts';

export const FORM_TYPE = 'application/x-www-form-urlencoded';
export const IDEMPOTENCY_KEY = 'idempotency-key';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** Something that is not JSON: its media type. */
export interface Media {
  media: string;
}
/** What comes or goes as a body; null: nothing. */
export type Content = z.ZodType | Media | null;

/** What is told of a route. */
export interface Declared {
  method: Method;
  /** As fastify writes it: `/v1/clips/:clip`. */
  path: string;
  /** Who may call it; the first that fits the token counts. */
  roles: readonly Role[];
  /** One sentence. */
  about: string;
  params?: z.ZodType;
  query?: z.ZodType;
  /** Headers that mean something, in lower case; others may be there, too. */
  headers?: z.ZodType;
  body?: Content;
  /** The body may come as a form, too (application/x-www-form-urlencoded). */
  form?: boolean;
  answer: Content;
  /** Of the answer; 200 unless told, 204 for nothing. */
  status?: number;
  /** Other answers that are no refusals. */
  also?: Readonly<Record<number, Content>>;
  /** Present where the call may carry an `Idempotency-Key`. */
  repeatable?: unknown;
}

/** Whether a body is JSON with a schema. */
export function isSchema(content: Content | undefined): content is z.ZodType {
  return content instanceof z.ZodType;
}

export function statusOf({ status, answer }: Pick<Declared, 'status' | 'answer'>): number {
  return status ?? (answer === null ? 204 : 200);
}
