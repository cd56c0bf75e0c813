// Counts what each package offers: the names that another one can import by the package's `exports`. The compiler says which these are.
import { join } from 'node:path';
import { API } from 'typescript/unstable/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportedSources } from '../support/own-packages.ts';
import { projectFiles, root, sources } from './source-tree.ts';

/** `SymbolFlags.Alias`: a name that is passed on. */
const ALIAS = 2_097_152;

/** How many names a package may offer. Three are above the 150 that a reader can keep in mind; they only become fewer. */
const NAMES_MAX: Record<string, number> = {
  'device/contract': 407,
  'device/base': 170,
  device: 358,
  'cloud-bridge': 150,
  sim: 150,
};

interface Offered {
  /** The name, and the file that declares it. */
  name: string;
  isDocumented: boolean;
}

/** The names that a package offers, each once however many subpaths lead to it. */
function offeredBy(api: API, folder: string): Offered[] {
  const config = join(root, 'tsconfig.json');
  const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
  const { checker, program } = project ?? expect.fail('the project does not open');
  const offered = new Map<string, Offered>();
  for (const file of exportedSources(root, folder)) {
    const source = program.getSourceFile(file) ?? expect.fail(`${file} is no part of the project`);
    const module = checker.getSymbolAtLocation(source) ?? expect.fail(`${file} exports nothing`);
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = (exported.flags & ALIAS) === 0 ? exported : checker.getAliasedSymbol(exported);
      const name = `${exported.name} of ${symbol.declarations[0]?.path}`;
      offered.set(name, { name, isDocumented: checker.getDocumentationCommentOfSymbol(symbol) !== '' });
    }
  }
  return [...offered.values()];
}

describe('what a package offers', () => {
  let api: API;
  beforeAll(() => {
    api = new API({ cwd: root });
  });
  afterAll(() => api.close());

  it.each(Object.entries(NAMES_MAX))('is few names, each with a sentence: %s, at most %i', (folder, most) => {
    const offered = offeredBy(api, folder);
    expect(offered.length).toBeGreaterThan(20);
    expect(offered.filter(({ isDocumented }) => !isDocumented)).toEqual([]);
    expect(offered.length).toBeLessThanOrEqual(most);
  });

  it('is named, never passed on as a whole', () => {
    const starred = sources().filter(({ text }) => /^export \*/m.test(text));
    expect(starred.map(({ name }) => name)).toEqual([]);
  });

  it('is a schema and its type under one name', () => {
    const twice = sources().flatMap(({ name, text }) =>
      [...text.matchAll(/^export type (\w+) = z\.(?:infer|output)<typeof (\w+)>;/gm)]
        .filter(([, type, schema]) => type !== schema)
        .map(([line]) => `${name}: ${line}`),
    );
    expect(twice).toEqual([]);
  });

  it('is counted for every package that offers anything', () => {
    const manifests = projectFiles().filter((name) =>
      /^(device|cloud-bridge|sim)(\/[a-z-]+)?\/package\.json$/.test(name),
    );
    const folders = manifests
      .map((name) => name.replace(/\/package\.json$/, ''))
      .filter((name) => name !== 'device/console-page');
    expect(folders.sort()).toEqual(Object.keys(NAMES_MAX).sort());
  });
});
