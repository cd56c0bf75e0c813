// Owns: which device node is the camera now: after it was unplugged it may come back under another number, and another camera
// may have taken its own. Not here: opening it (source-v4l2.ts).
import { readdir, readlink, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { systemCode } from '@doorsill/base/disk';

/** Where udev names cameras by maker, model and serial number, which they keep wherever they are plugged in. */
const BY_ID = '/dev/v4l/by-id';

/** What is in /dev, by absolute paths. */
export interface NodeView {
  /** Whether something has this name. */
  exists(path: string): Promise<boolean>;
  /** The lasting names that there are, and the nodes they stand for now. */
  byId(): Promise<ReadonlyMap<string, string>>;
}

/** Where the camera is, or why it is nowhere, as half a sentence. */
export type NodeFound = { readonly path: string; readonly lasting: string | null } | { readonly gone: string };

/**
 * Finds the camera that was named `named`. `lasting`: the lasting name that it was known by when it was last found. A camera
 * with another such name is not it, although it stands where the first one stood: it might look into a living room.
 */
export async function findNode(view: NodeView, named: string, lasting: string | null): Promise<NodeFound> {
  const names = await view.byId();
  if (lasting !== null && named !== lasting) {
    const path = names.get(lasting);
    if (path !== undefined) return { path, lasting };
    const isTaken = await view.exists(named);
    return { gone: `${lasting} is away${isTaken ? ', and another has its place; restart to use that one' : ''}` };
  }
  if (!(await view.exists(named))) return { gone: `there is no ${named}` };
  return { path: named, lasting: lastingNameOf(names, named) };
}

function lastingNameOf(names: ReadonlyMap<string, string>, path: string): string | null {
  if (names.has(path)) return path;
  for (const [name, target] of names) if (target === path) return name;
  return null;
}

/** The machine's own. */
export const machineNodes: NodeView = {
  exists: (path) =>
    stat(path).then(
      () => true,
      // A name that may not be inspected exists: opening it tells why.
      (thrown: unknown) => systemCode(thrown) === 'EACCES',
    ),
  byId: async () => {
    const names = await readdir(BY_ID).catch(() => []);
    const links = names.map(async (name) => {
      const path = join(BY_ID, name);
      const target = await readlink(path).catch(() => null);
      return target === null ? null : ([path, resolve(dirname(path), target)] as const);
    });
    return new Map((await Promise.all(links)).filter((link) => link !== null));
  },
};
