// Owns: pages of a list: how many at most, and where the next one begins, as a text that callers only hand back. A page goes on
// behind the last thing it showed, so that nothing is shown twice or left out when something new comes. Not here: the queries.
import { z } from 'zod';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from '../../device/base/bytes.ts';
import { parseJson } from '../../device/base/json.ts';
import { failure } from '../../device/protocol/errors.ts';
import { countSchema } from './server.ts';

const CURSOR_LETTERS_MAX = 200;

/** The query of a list: `limit` and `cursor`, to be spread into its schema. */
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

/** Where the following page begins; null at the end. */
export const nextSchema = z.string().max(CURSOR_LETTERS_MAX).nullable();

/** What a page begins behind; null for the first one. Throws `http_body_invalid` for a cursor that is none of this list's. */
export function positionIn<Schema extends z.ZodType>(
  schema: Schema,
  cursor: string | undefined,
): z.output<Schema> | null {
  if (cursor === undefined) return null;
  const bytes = fromBase64url(cursor);
  const position = schema.safeParse(bytes && parseJson(fromUtf8(bytes) ?? ''));
  if (!position.success) throw failure('http_body_invalid', { detail: 'cursor: it is not of this list' });
  return position.data;
}

/** One page of what was found, of which one more than `limit` was looked for. `positionOf`: what the next page begins behind. */
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
