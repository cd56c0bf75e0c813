// A route's declaration: enough to enforce it and to generate its document (openapi.ts).
import { z } from 'zod';

/** The media type of an HTML form's fields. */
export const FORM_TYPE = 'application/x-www-form-urlencoded';
/** The header with a call's own key: repeating the call with the same key has no second effect. */
export const IDEMPOTENCY_KEY = 'idempotency-key';

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** A body that is not JSON: its media type, or each that it may have. */
interface Media {
  media: string | readonly string[];
}
/** A request's or answer's body; null: none. */
export type Content = z.ZodType | Media | null;

/** The declaration of a route. */
export interface Declared {
  method: Method;
  /** In fastify's syntax: `/v1/clips/:clip`. */
  path: string;
  /** Roles that may call it; the first one that fits the caller applies. */
  roles: readonly string[];
  /** One sentence. */
  about: string;
  params?: z.ZodType;
  query?: z.ZodType;
  /** Headers that the route reads, in lower case; other headers are ignored. */
  headers?: z.ZodType;
  body?: Content;
  /** The body may also be a form (application/x-www-form-urlencoded). */
  form?: boolean;
  answer: Content;
  /** Status of the answer; default 200, or 204 without a body. */
  status?: number;
  /** Other answers that are not refusals. */
  also?: Readonly<Record<number, Content>>;
  /** Present if the call may carry an `Idempotency-Key`. */
  repeatable?: unknown;
}

/** Whether a body is JSON with a schema. */
export function isSchema(content: Content | undefined): content is z.ZodType {
  return content instanceof z.ZodType;
}

/** The HTTP status of a route's answer that is not a refusal. */
export function statusOf({ status, answer }: Pick<Declared, 'status' | 'answer'>): number {
  return status ?? (answer === null ? 204 : 200);
}
