// Each package's main entry exports every name explicitly.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';

it.each(['device/index.ts', 'cloud-bridge/index.ts', 'sim/index.ts', 'sim/client/index.ts'])(
  '%s exports fewer than a hundred names, each by itself',
  (file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const names = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) => list.split(','));
    expect(text).not.toMatch(/export \*/);
    expect(names.length).toBeGreaterThan(3);
    expect(names.length).toBeLessThan(100);
  },
);
