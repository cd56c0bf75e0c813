// Finds a camera's current device node: plugged in again it may get another number, and another camera may have its old one.
import { readdir, readlink, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { systemCode } from '@doorsill/base/disk';

/** udev's names by maker, model and serial number, which cameras keep wherever they are plugged in. */
const BY_ID = '/dev/v4l/by-id';

/** Access to /dev, by absolute paths. */
export interface NodeView {
  exists(path: string): Promise<boolean>;
  /** The lasting names, and the nodes they link to now. */
  byId(): Promise<ReadonlyMap<string, string>>;
}

/** The camera's node and lasting name, or why there is none, as part of a sentence. */
export type NodeFound = { readonly path: string; readonly lasting: string | null } | { readonly gone: string };

/**
 * Finds the camera that the options name `named`. `lasting`: its lasting name when it was last found. A camera with another lasting
 * name at the same node is refused: it might look into a living room.
 */
export async function findNode(view: NodeView, named: string, lasting: string | null): Promise<NodeFound> {
  const names = await view.byId();
  if (lasting !== null && named !== lasting) {
    const path = names.get(lasting);
    if (path !== undefined) return { path, lasting };
    const isTaken = await view.exists(named);
    const another = `, and ${named} is another camera now; restart to use it`;
    return { gone: `${lasting} is not plugged in${isTaken ? another : ''}` };
  }
  if (!(await view.exists(named))) return { gone: `there is no ${named}` };
  return { path: named, lasting: lastingNameOf(names, named) };
}

function lastingNameOf(names: ReadonlyMap<string, string>, path: string): string | null {
  if (names.has(path)) return path;
  for (const [name, target] of names) if (target === path) return name;
  return null;
}

export const machineNodes: NodeView = {
  exists: (path) =>
    stat(path).then(
      () => true,
      // A name that may not be inspected exists: opening it reports why.
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
