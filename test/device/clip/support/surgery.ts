// Parses a clip's MP4 into boxes, changes it, and writes it again with correct chunk offsets, so that a planted fault is the only fault.

import { box, u32 } from '../../../../device/clip/mp4-boxes.ts';
import { concatBytes } from '../../../../device/contract/bytes.ts';

/** A box: a container of others, or bytes. */
export interface Node {
  type: string;
  children: Node[] | null;
  content: Uint8Array;
}

const CONTAINERS = new Set(['moov', 'trak', 'edts', 'mdia', 'minf', 'stbl']);

/** A clip's file that can be changed. */
export class Surgery {
  readonly boxes: Node[];
  /** Added to every chunk offset, besides the shift by the boxes' lengths. */
  offsetShift = 0;
  /** Bytes after the last box. */
  tail: Uint8Array = new Uint8Array(0);
  private readonly payloadAt: number;

  constructor(bytes: Uint8Array) {
    this.boxes = parse(bytes);
    this.payloadAt = this.payloadStart();
  }

  /** The box at a path of types; a leading `0` or `1` selects the track, e.g. '1/mdia/mdhd'. */
  find(path: string): Node {
    const [first = '', ...rest] = path.split('/');
    const moov = this.top('moov');
    const traks = (moov.children ?? []).filter((node) => node.type === 'trak');
    let node = /^\d$/.test(first)
      ? traks[Number(first)]
      : [...this.boxes, ...(moov.children ?? [])].find((b) => b.type === first);
    for (const type of rest) node = node?.children?.find((child) => child.type === type);
    if (!node) throw new Error(`no box ${path}`);
    return node;
  }

  top(type: string): Node {
    const node = this.boxes.find((each) => each.type === type);
    if (!node) throw new Error(`no box ${type}`);
    return node;
  }

  /** Changes bytes of a box's content in place. */
  patch(path: string, at: number, bytes: Uint8Array): void {
    const node = this.find(path);
    node.content = node.content.slice();
    node.content.set(bytes, at);
  }

  /** Appends a box of raw content to a container. */
  insert(into: string, type: string, content: Uint8Array): void {
    this.find(into).children?.push({ type, children: null, content });
  }

  number(path: string, at: number): number {
    const { content } = this.find(path);
    return new DataView(content.buffer, content.byteOffset).getUint32(at);
  }

  setNumber(path: string, at: number, value: number): void {
    this.patch(path, at, u32([value]));
  }

  /** Replaces bytes of the payload and moves the rest; the caller corrects sizes. */
  splicePayload(at: number, remove: number, insert: Uint8Array): void {
    const mdat = this.top('mdat');
    mdat.content = concatBytes([mdat.content.subarray(0, at), insert, mdat.content.subarray(at + remove)]);
  }

  /** Where a sample of track 0 starts in the payload, for a file whose first chunk is track 0's. */
  sampleAt(number: number): { at: number; size: number } {
    let at = 0;
    for (let sample = 0; sample < number; sample += 1) at += this.number('0/mdia/minf/stbl/stsz', 12 + sample * 4);
    return { at, size: this.number('0/mdia/minf/stbl/stsz', 12 + number * 4) };
  }

  /** Where a chunk of a track starts in the payload. */
  chunkAt(track: '0' | '1', chunk: number): number {
    return this.number(`${track}/mdia/minf/stbl/stco`, 8 + chunk * 4) - this.payloadAt;
  }

  bytes(): Uint8Array {
    const moved = this.payloadStart() - this.payloadAt + this.offsetShift;
    for (const trak of this.top('moov').children ?? []) {
      const stbl = trak.children?.find((n) => n.type === 'mdia')?.children?.find((n) => n.type === 'minf');
      const stco = stbl?.children?.find((n) => n.type === 'stbl')?.children?.find((n) => n.type === 'stco');
      if (!stco || moved === 0) continue;
      const view = new DataView(stco.content.slice().buffer);
      for (let at = 8; at < stco.content.length; at += 4) view.setUint32(at, view.getUint32(at) + moved);
      stco.content = new Uint8Array(view.buffer);
    }
    return concatBytes([...this.boxes.map(serialise), this.tail]);
  }

  private payloadStart(): number {
    let at = 0;
    for (const node of this.boxes) {
      if (node.type === 'mdat') return at + 8;
      at += serialise(node).length;
    }
    throw new Error('no mdat');
  }
}

function parse(bytes: Uint8Array): Node[] {
  const nodes: Node[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const size = view.getUint32(at);
    const type = Buffer.from(bytes.subarray(at + 4, at + 8)).toString('latin1');
    const content = bytes.slice(at + 8, at + size);
    nodes.push({ type, content, children: CONTAINERS.has(type) ? parse(content) : null });
    at += size;
  }
  return nodes;
}

function serialise(node: Node): Uint8Array {
  return box(node.type, node.children ? concatBytes(node.children.map(serialise)) : node.content);
}
