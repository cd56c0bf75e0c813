// The only folder that scenarios may read, also through links: resolves paths and patterns, and reads files up to a limit.

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { systemCode } from '@doorsill/base/disk';
import { isFailure } from '../../errors.ts';
import type { Place } from './located.ts';
import { problemAt, type ScenarioProblem, shown } from './mistakes.ts';
import { FILE_BYTES_MAX } from './yaml-text.ts';

/** Images of one sequence, or entries of one folder. */
const ENTRIES_MAX = 100_000;
const MEDIA = /\.(mp4|m4v|mov|mkv|webm|avi|ts|h264|264|mjpe?g|jpe?g|png)$/i;
const inOrder = new Intl.Collator('en', { numeric: true });

export class ScenarioFolder {
  /** Without links. */
  readonly root: string;
  /** Resolved paths: thousands of scenarios may name the same file. */
  readonly #known = new Map<string, string>();

  constructor(folder: string) {
    this.root = realpathSync(folder);
  }

  /** Real paths of all existing files that were named so far. */
  get named(): string[] {
    return [...new Set(this.#known.values())];
  }

  /** The real path of a file named in `place`'s file. Throws a ScenarioProblem if it is outside or missing. */
  fileAt(place: Place, text: string): string {
    const path = this.#insideAt(place, text);
    const real = this.#realAt(place, path, text);
    if (!statSync(real).isFile()) throw problemAt('scenario_file_missing', place, `${shown(text)} is no file`);
    return real;
  }

  /** A path that need not exist, in a folder that exists or will. */
  newFileAt(place: Place, text: string): string {
    const path = this.#insideAt(place, text);
    try {
      return this.#checked(place, realpathSync(path), text);
    } catch (thrown) {
      if (systemCode(thrown) !== 'ENOENT') throw this.#unreadable(place, text, thrown);
    }
    const missing: string[] = [];
    for (let at = path; ; at = dirname(at)) {
      // A dangling link: writing to it would create its target.
      if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) throw this.#outside(place, text);
      missing.unshift(basename(at));
      try {
        return join(this.#checked(place, realpathSync(dirname(at)), text), ...missing);
      } catch (thrown) {
        if (systemCode(thrown) !== 'ENOENT') throw this.#unreadable(place, text, thrown);
      }
    }
  }

  /** Real paths, by name: one file, a folder's footage, or the matches of a pattern such as `frames/*.png`. */
  filesAt(place: Place, text: string): string[] {
    const path = this.#insideAt(place, text);
    if (basename(path).includes('*')) return this.#entriesAt(place, dirname(path), text, patternOf(basename(path)));
    const real = this.#realAt(place, path, text);
    const facts = statSync(real);
    if (facts.isFile()) return [real];
    if (facts.isDirectory()) return this.#entriesAt(place, real, text, MEDIA);
    throw problemAt('scenario_file_missing', place, `${shown(text)} is neither a file nor a folder`);
  }

  #entriesAt(place: Place, folder: string, text: string, names: RegExp): string[] {
    const found = readdirSync(this.#realAt(place, folder, text)).filter(
      (name) => !name.startsWith('.') && names.test(name),
    );
    if (found.length > ENTRIES_MAX)
      throw problemAt('scenario_limit', place, `${shown(text)} names more than ${ENTRIES_MAX} files`);
    const files = found
      .sort(inOrder.compare)
      .map((name) => this.#realAt(place, join(folder, name), text))
      .filter((path) => statSync(path).isFile());
    if (files.length === 0) throw problemAt('scenario_file_missing', place, `${shown(text)} holds no footage`);
    return files;
  }

  /** The path of a text, unless the text alone shows that it is outside. */
  #insideAt(place: Place, text: string): string {
    if (text.includes('\0')) throw problemAt('scenario_file_missing', place, 'a path has no NUL in it');
    if (isAbsolute(text) || text.startsWith('~')) {
      throw problemAt('scenario_outside', place, `${shown(text)} is not relative to the scenario`);
    }
    const path = resolve(dirname(place.source.file), text);
    if (!this.#holds(path)) throw this.#outside(place, text);
    return path;
  }

  #realAt(place: Place, path: string, text: string): string {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    let real: string;
    try {
      real = realpathSync(path);
    } catch (thrown) {
      throw this.#unreadable(place, text, thrown);
    }
    this.#known.set(path, this.#checked(place, real, text));
    return real;
  }

  #unreadable(place: Place, text: string, thrown: unknown): ScenarioProblem {
    if (!isSystemError(thrown)) throw thrown;
    const code = systemCode(thrown);
    const detail = code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`;
    return problemAt('scenario_file_missing', place, `${shown(text)} ${detail}`);
  }

  #checked(place: Place, real: string, text: string): string {
    if (this.#holds(real)) return real;
    throw this.#outside(place, text);
  }

  #outside(place: Place, text: string): ScenarioProblem {
    return problemAt('scenario_outside', place, `${shown(text)} lies outside ${this.root}`);
  }

  #holds(path: string): boolean {
    const way = relative(this.root, path);
    return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
  }
}

/** Whether it is an error of the operating system. */
export function isSystemError(thrown: unknown): boolean {
  return systemCode(thrown) !== null && !isFailure(thrown);
}

function patternOf(name: string): RegExp {
  const parts = name.split(/\*+/).map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/]*')}$`, 'i');
}

/** A file's bytes, at most one more than a scenario may have. Opened so that a pipe or a device does not block. */
export function readBounded(path: string): Uint8Array {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) return new Uint8Array();
    const bytes = new Uint8Array(FILE_BYTES_MAX + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = readSync(file, bytes, length, bytes.length - length, null);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
