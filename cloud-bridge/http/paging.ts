// Pages of a list with an opaque cursor. A page starts after the last item shown, so that no item is shown twice or skipped when others
// are added.

import { countSchema } from '@doorsill/base/http/http-server';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';

const CURSOR_LETTERS_MAX = 200;

/** Query of a list: `limit` and `cursor`, to be spread into its schema. */
export function pageFields(usual: number, most: number) {
  return {
    limit: countSchema
      .pipe(z.int().min(1).max(most))
      .prefault(String(usual))
      .meta({ minimum: 1, maximum: most, default: usual }),
    cursor: z
      .string()
      .regex(/^[A-Za-z0-9_-]+$/)
      .max(CURSOR_LETTERS_MAX)
      .optional(),
  };
}

/** Cursor of the following page; null at the end. */
export const nextSchema = z.string().max(CURSOR_LETTERS_MAX).nullable();

/** The position a page starts after; null for the first page. Throws `http_body_invalid` for a cursor of another list. */
export function positionIn<Schema extends z.ZodType>(
  schema: Schema,
  cursor: string | undefined,
): z.output<Schema> | null {
  if (cursor === undefined) return null;
  const bytes = fromBase64url(cursor);
  const position = schema.safeParse(bytes && parseJson(fromUtf8(bytes) ?? ''));
  if (!position.success) throw failure('http_body_invalid', { detail: 'cursor: it is from another list' });
  return position.data;
}

/** One page of a query result that was fetched with one row more than `limit`. `positionOf`: what the next page starts after. */
export function pageOf<Item>(
  found: readonly Item[],
  limit: number,
  positionOf: (last: Item) => unknown,
): { shown: Item[]; next: string | null } {
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  const isMore = found.length > limit && last !== undefined;
  return { shown, next: isMore ? toBase64url(utf8(JSON.stringify(positionOf(last)))) : null };
}
