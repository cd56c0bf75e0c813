// Parses the options after the `?` of a camera's name, and removes secrets from the name.
import { failure } from '@doorsill/contract/errors';
import { withoutCredentials } from './ffmpeg-run.ts';

/** `own`: as fast as it was filmed. `fast`: as fast as it can be read; the footage is dated into the past. */
export type Pace = 'own' | 'fast';

/** Fields of every source. */
export interface Shown {
  /** The name for people, logs and events: never holds credentials. */
  readonly shown: string;
  readonly audio: boolean;
}

/** Defaults for options that the text does not set. */
export interface SourceDefaults {
  readonly pace?: Pace;
  readonly loop?: boolean;
  readonly audio?: boolean;
}

/** Longest shown name that the device's state accepts. */
export const SHOWN_LENGTH_MAX = 300;

/** The failure `camera_unsupported` of a camera's name. */
export function unsupported(text: string): Error {
  return failure('camera_unsupported', { source: shownAs(text) });
}

/** The failure `camera_option_invalid` of a camera's name; `detail` says what is wrong. */
export function invalidOption(text: string, detail: string): Error {
  return failure('camera_option_invalid', { source: shownAs(text), detail });
}

/** An address for people. Everything before the last `@` is hidden, because a password may hold a slash or a space. */
export function shownAs(address: string): string {
  return withoutCredentials(address.replace(/^([a-z][a-z0-9+.-]*:\/\/).*@/is, '$1***@')).slice(0, SHOWN_LENGTH_MAX);
}

/** An option's parser; `takes` describes its values in the error for others. */
export interface Option<Value> {
  takes: string;
  /** The value of a text; undefined if it is not allowed. */
  read(text: string): Value | undefined;
}

type Options<Values> = { readonly [Name in keyof Values]: Option<Values[Name]> };

/** Parses `a=b&c` by a table of options; the result has only those that are set. Throws `camera_option_invalid`. */
export function readOptions<Values>(query: string, text: string, options: Options<Values>): Partial<Values> {
  const names = Object.keys(options);
  const isName = (name: string): name is keyof Values & string => names.includes(name);
  const found: Partial<Values> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (!isName(name)) throw invalidOption(text, `there is no option ${name} here, only ${names.join(', ')}`);
    const read = options[name].read(value);
    if (read === undefined) throw invalidOption(text, options[name].takes);
    found[name] = read;
  }
  return found;
}

/** An option that takes one of several words. */
export function oneOf<Word extends string>(name: string, words: readonly Word[]): Option<Word> {
  return { takes: `${name} takes ${words.join(' or ')}`, read: (text) => words.find((word) => word === text) };
}

/** An option without a value. */
export function plain(name: string): Option<true> {
  return { takes: `${name} takes no value`, read: (text) => (text === '' ? true : undefined) };
}

/** Whether sound is recorded. */
export const AUDIO: Option<boolean> = {
  takes: 'audio takes on or off',
  read: (text) => (text === 'on' ? true : text === 'off' ? false : undefined),
};

/** How fast a file is read. */
export const PACE: Option<Pace> = oneOf('pace', ['own', 'fast']);

/** A name and the options after its first question mark. */
export function cut(text: string): [string, string] {
  const mark = text.indexOf('?');
  return mark === -1 ? [text, ''] : [text.slice(0, mark), text.slice(mark + 1)];
}
