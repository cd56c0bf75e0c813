// A tree of plain values with their source positions, so that a fault has file, line and column even after includes, variables and the
// matrix.
import type { Position } from './scenario.ts';

/** A source file. */
export interface Source {
  file: string;
  /** Line and column of an offset, counted from 1. */
  positionOf(offset: number): { line: number; column: number };
}

export interface Place {
  source: Source;
  offset: number;
}

export type Plain = string | number | boolean | null;

interface Sized extends Place {
  /** Number of values when written out, shared ones counted each time. */
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
/** Aliases and variables may share parts, but there are no cycles. */
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

/** The plain value. Check its size first: shared parts are copied. */
export function plainOf(node: Located): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plainOf);
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plainOf(value)]));
}

/** The value at a path, or the last existing one on the way. */
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

/** A map's value, if present. */
export function valueAt(node: Located | undefined, key: string): Located | undefined {
  return node?.kind === 'map' ? node.entries.get(key)?.value : undefined;
}
