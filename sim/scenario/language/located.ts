// Owns: a tree of plain values in which everything knows where it was written, so that a fault names file, line and column after
// includes, variables and the matrix have done their part. Not here: reading YAML or modules into it (yaml-text.ts, module-file.ts).
import type { Position } from './scenario.ts';

/** A file that values come from. */
export interface Source {
  file: string;
  /** Where an offset of its text is, counted from 1. */
  positionOf(offset: number): { line: number; column: number };
}

/** Where something begins. */
export interface Place {
  source: Source;
  offset: number;
}

export type Plain = string | number | boolean | null;

interface Sized extends Place {
  /** How many values it is when it is written out, with all that it shares with others. */
  size: number;
}
export interface Scalar extends Sized {
  kind: 'scalar';
  value: Plain;
}
export interface List extends Sized {
  kind: 'list';
  items: Located[];
}
export interface Entry {
  key: Place;
  value: Located;
}
export interface Mapping extends Sized {
  kind: 'map';
  entries: Map<string, Entry>;
}
/** Parts may be shared, by aliases and variables, but nothing holds itself. */
export type Located = Scalar | List | Mapping;

export function scalar({ source, offset }: Place, value: Plain): Scalar {
  return { kind: 'scalar', source, offset, size: 1, value };
}

export function list({ source, offset }: Place, items: Located[]): List {
  return { kind: 'list', source, offset, size: items.reduce((sum, item) => sum + item.size, 1), items };
}

export function mapping({ source, offset }: Place, entries: Map<string, Entry>): Mapping {
  let size = 1;
  for (const { value } of entries.values()) size += value.size;
  return { kind: 'map', source, offset, size, entries };
}

export function positionOf({ source, offset }: Place): Position {
  return { file: source.file, ...source.positionOf(offset) };
}

/** The value itself. Its size must have been checked: what is shared is written out. */
export function plainOf(node: Located): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plainOf);
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plainOf(value)]));
}

/** The value at a path, or the last one on the way to it. */
export function locate(root: Located, path: readonly PropertyKey[]): Located {
  let node = root;
  for (const step of path) {
    const next = childOf(node, step);
    if (!next) break;
    node = next;
  }
  return node;
}

function childOf(node: Located, step: PropertyKey): Located | undefined {
  if (node.kind === 'list') return typeof step === 'number' ? node.items[step] : undefined;
  return node.kind === 'map' ? node.entries.get(String(step))?.value : undefined;
}

/** A map's value, where it has one. */
export function valueAt(node: Located | undefined, key: string): Located | undefined {
  return node?.kind === 'map' ? node.entries.get(key)?.value : undefined;
}
