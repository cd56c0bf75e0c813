// Holds the layout rules: who may import what, where time and randomness come from, how files are headed,
// where tests stand.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageOf } from '../support/own-packages.ts';
import { projectFiles, root, type SourceFile, sources } from './source-tree.ts';

const all = sources();

/** The files beside the folders of a package, which make one thing of these. */
const WHOLE = '';

/** The order on the media flow: a folder may import itself and what stands before it. The commands of a board stand above the doorbell. */
const DEVICE_ORDER = [
  'contract',
  'base',
  'mdns',
  'camera',
  'ring',
  'motion',
  'hardware',
  'events',
  'ledger',
  'consent',
  'clip',
  'search-party',
  'upload',
  'update',
  'home-link',
  'notifications',
  'area-link',
  'owner',
  'console',
  'console-page',
  WHOLE,
  'terminal',
  'board',
  'doctor',
  'setup',
  'cli',
];

/** The bridge's folders in the same way. */
const BRIDGE_ORDER = [
  ...[
    'http',
    'signing',
    'persistence',
    'custody',
    'witness',
    'enrolment',
    'partners',
    'agencies',
    'intake',
    'registry',
  ],
  ...[
    'clips',
    'disputes',
    'query-audit',
    'requests',
    'webhooks',
    'clip-access-log',
    'hand-over',
    'neighbors',
    'search-party',
  ],
  'vault',
  WHOLE,
];

/** The simulator's. */
const SIM_ORDER = [
  ...[
    'setup',
    'broker',
    'deploy',
    'officer',
    'pet-owner',
    'query-export',
    'porch',
    'world',
    'camera-server',
    'testbed',
    'story',
    'client',
    'truth',
    'report',
    'replay',
    'scenario',
    'fleet',
    'prove',
    'record',
    'release',
    'cli',
    WHOLE,
  ],
];

/** Folders that may use a package; every other one may not. */
const PACKAGE_HOMES: [RegExp, RegExp][] = [
  [/^(fluent-ffmpeg|node-ffmpeg-.*)$/, /^device\/camera\//],
  [
    /^node:child_process$/,
    /^device\/(camera|board|terminal)\/|^device\/base\/(system-programs|core-dump)\.ts$|^sim\/(cli|testbed|scenario\/runner|fleet|release)\/|^sim\/broker\/mosquitto\.ts$/,
  ],
  [/^mqtt$/, /^device\/base\/mqtt-link\.ts$/],
  [/^(yaml|jiti)$/, /^sim\/scenario\/language\//],
  [/^aedes/, /^sim\/broker\//],
  [/^(better-sqlite3|pg)$/, /^cloud-bridge\/persistence\//],
  [/^kysely$/, /^cloud-bridge\/(persistence\/|.*\/(sql-[a-z-]+|vault-schema)\.ts$)/],
  [/^fastify/, /^(cloud-bridge|device\/(base\/http|console))\//],
  [/^@tus\//, /^cloud-bridge\//],
  [/^aws4fetch$/, /^cloud-bridge\/persistence\/s3-bucket\.ts$/],
  [/^tus-js-client$/, /^device\/upload\//],
  [/^dns-packet$/, /^device\/mdns\//],
  [/^ws$/, /^device\/console\//],
  [/^node-forge$/, /^device\/console\/certificate\.ts$/],
  [/^preact/, /^(device\/console-page|sim\/report\/page)\//],
  [/^@noble\//, /^device\/console-page\//],
  [/^qr$/, /^device\/terminal\//],
  [/^commander$/, /^(device|sim)\/cli\//],
  [/^@rgrove\/parse-xml$/, /^sim\/(truth|camera-server\/onvif)\//],
  [/^pino$/, /^device\/base\/log\.ts$/],
  [/^sharp$/, /^(device\/search-party|cloud-bridge\/search-party|sim\/porch)\//],
];

/** Lines of files that break a rule, as `file: what`. */
function breaches(rule: (file: SourceFile) => string[]): string[] {
  return all.flatMap((file) => rule(file).map((what) => `${file.name}: ${what}`));
}

describe('imports', () => {
  it.each([
    ['device', DEVICE_ORDER],
    ['cloud-bridge', BRIDGE_ORDER],
    ['sim', SIM_ORDER],
  ])('point one way inside %s/', (top, order) => {
    const folderIn = (name: string) => order.indexOf(name.split('/').slice(1, -1)[0] ?? WHOLE);
    const found = breaches((file) => {
      if (!file.name.startsWith(`${top}/`)) return [];
      const own = folderIn(file.name);
      if (own < 0) return ['is in an unknown folder'];
      // Each folder raises some of its package's own failures.
      const upward = (to: string) => to !== `${top}/errors.ts` && folderIn(to) > own;
      return file.imports.filter((to) => to.startsWith(`${top}/`) && upward(to));
    });
    expect(found).toEqual([]);
  });

  it('form no circle, of files or of folders', () => {
    const files = new Map(all.map(({ name, imports }) => [name, new Set(imports)]));
    const folders = new Map<string, Set<string>>();
    // A package's own failures stand below its folders.
    const folderOf = (name: string) => (name === 'sim/errors.ts' ? name : dirname(name));
    for (const [name, imports] of files) {
      const from = folderOf(name);
      const to = folders.get(from) ?? new Set();
      folders.set(from, to);
      for (const other of imports) if (folderOf(other) !== from) to.add(folderOf(other));
    }
    expect([...circles(files), ...circles(folders)]).toEqual([]);
  });

  it('would be found in a circle', () => {
    const circle = circles(
      new Map([
        ['a', new Set(['b'])],
        ['b', new Set(['c'])],
        ['c', new Set(['b'])],
      ]),
    );
    expect(circle).toEqual(['b, c']);
  });

  it('keep the vault a process of its own: it knows nothing of the bridge, nor the bridge of it', () => {
    // What any server process of ours stands on, besides the contract and the base.
    const footing =
      /^device\/(contract|base)\/|^cloud-bridge\/(http|signing)\/|^cloud-bridge\/persistence\/(open-database|migrations|postgres-address|s3-bucket|s3-objects|instance-part|instance-turns|sql-call-counts|sql-health)\.ts$/;
    const isVaults = (name: string) => name.startsWith('cloud-bridge/vault/');
    const found = breaches((file) => {
      if (isVaults(file.name)) return file.imports.filter((to) => !isVaults(to) && !footing.test(to));
      // The public index alone names both.
      if (file.name === 'cloud-bridge/index.ts' || !file.name.startsWith('cloud-bridge/')) return [];
      return file.imports.filter(isVaults);
    });
    expect(found).toEqual([]);
  });

  /** Everything that is loaded with some files. */
  function loadedWith(first: (name: string) => boolean): Set<string> {
    const loaded = new Set(all.map((file) => file.name).filter(first));
    for (const name of loaded) for (const to of all.find((file) => file.name === name)?.loads ?? []) loaded.add(to);
    return loaded;
  }

  it('let no verb wait for the bridge’s code that does not run it', () => {
    // Each verb's module is loaded when it is used.
    const loaded = loadedWith((name) => name.startsWith('sim/cli/'));
    expect(loaded.size).toBeGreaterThan(60);
    expect([...loaded].filter((name) => name.startsWith('cloud-bridge/'))).toEqual([]);
  });

  it('keep the firmware out of the processes of broker, bridge, registry and vault, which would load it for nothing', () => {
    const loaded = loadedWith((name) =>
      /^(sim\/broker\/|sim\/testbed\/start-server-part\.ts|cloud-bridge\/)/.test(name),
    );
    expect(loaded.size).toBeGreaterThan(100);
    expect([...loaded].filter((name) => /^device\/(doorbell\.ts|camera\/|clip\/|consent\/)/.test(name))).toEqual([]);
  });

  it('stay inside a package; another one is named', () => {
    const found = breaches((file) =>
      [...file.text.matchAll(/(?:from |import\()'(\.[^']+)'/g)]
        .map(([, to = '']) => join(dirname(file.name), to))
        .filter((to) => packageOf(to) !== packageOf(file.name)),
    );
    expect(found).toEqual([]);
  });

  it('keep the wire contract free of node, so that it runs in a browser', () => {
    const pure = /^device\/contract\//;
    const found = breaches((file) =>
      pure.test(file.name)
        ? [
            ...file.packages.filter((name) => name !== 'zod'),
            ...file.imports.filter((to) => !pure.test(to)),
            ...(/\b(Buffer|process)\.[a-z]/.test(file.text) ? ['uses a node global'] : []),
          ]
        : [],
    );
    expect(found).toEqual([]);
  });

  it('let the console’s page use nothing of the device but what is free of node', () => {
    const isPages = (name: string) => name.startsWith('device/console-page/');
    const free = /^device\/contract\//;
    const found = breaches((file) => {
      if (isPages(file.name))
        return [
          ...file.packages.filter((name) => !/^(zod|preact(\/hooks)?|@noble\/.*)$/.test(name)),
          ...file.imports.filter((to) => !isPages(to) && !free.test(to)),
        ];
      if (file.name.startsWith('device/contract/media/'))
        return file.packages.filter((name) => name.startsWith('node:'));
      return file.imports.filter(isPages);
    });
    expect(found).toEqual([]);
    expect(all.some((file) => isPages(file.name))).toBe(true);
  });

  it('keep each library behind the one folder that owns it', () => {
    const found = breaches((file) =>
      file.packages.filter((name) => PACKAGE_HOMES.some(([what, home]) => what.test(name) && !home.test(file.name))),
    );
    expect(found).toEqual([]);
  });

  it('let the consent gate alone make a live grant or a live preview', () => {
    const isMint = /^device\/consent\/(gate|live-grant|live-preview)\.ts$/;
    const found = breaches((file) => {
      // A type tells what the gate passes on; only a value can mint.
      const text = file.text.replaceAll(/typeof mintLivePreview|, mintLivePreview,/g, '');
      return /mintLive(Grant|Preview)|Live(Grant|Preview)\.mint/.test(text) && !isMint.test(file.name)
        ? ['names the mint']
        : [];
    });
    expect(found).toEqual([]);
    expect(all.some((file) => file.name === 'device/consent/gate.ts' && file.text.includes('mintLiveGrant('))).toBe(
      true,
    );
  });
});

describe('seams', () => {
  it('read and wait for time only in base/clock.ts; a simulated world asks when there is nothing left to do', () => {
    const time = /\bDate\.now\(|\bperformance\.now\(|\bset(Timeout|Interval|Immediate)\(|\bnew Date\(\)/;
    expect(
      breaches((file) =>
        !/^(device\/(base\/clock|console-page\/kit\/browser-seams)|sim\/world\/quiet)\.ts$/.test(file.name) &&
        time.test(file.text)
          ? ['uses time itself']
          : [],
      ),
    ).toEqual([]);
  });

  it('draw random numbers only in base/random.ts', () => {
    const random = /\bMath\.random\(|\brandom(Bytes|UUID|Int|FillSync)\(|getRandomValues\(/;
    expect(
      breaches((file) =>
        !/^device\/(base\/random|console-page\/kit\/browser-seams)\.ts$/.test(file.name) && random.test(file.text)
          ? ['draws itself']
          : [],
      ),
    ).toEqual([]);
  });

  it('touch data files in the firmware only through base/disk.ts', () => {
    const found = breaches((file) =>
      file.name.startsWith('device/') &&
      !/^device\/base\/(disk|folder-lock|private-paths|core-dump)\.ts$|^device\/(camera|terminal|board|doctor|cli)\//.test(
        file.name,
      )
        ? file.packages.filter((name) => /^node:fs/.test(name))
        : [],
    );
    expect(found).toEqual([]);
  });
});

describe('files', () => {
  it('have no hole in types or lint', () => {
    const hole = /\bas any\b|: any\b|@ts-(ignore|expect-error|nocheck)|biome-ignore/;
    expect(breaches((file) => (hole.test(file.text) ? ['has a hole'] : []))).toEqual([]);
  });

  it('show nobody what zod says: what is wrong with a value is put into plain words in one place', () => {
    const zods = /\bprettifyError\b|\b(flatten|format|treeify)Error\b|\.error\??\.(issues|message)\b/;
    // These word each issue for themselves, and repeat none of zod's words.
    const other =
      /^(device\/base\/schema-fault|sim\/scenario\/language\/schema-faults|device\/cli\/doorbell-command-verbs)\.ts$/;
    expect(breaches((file) => (!other.test(file.name) && zods.test(file.text) ? ['shows them'] : []))).toEqual([]);
  });

  it('lie in folders of the field, never in a drawer', () => {
    const drawer = /(^|\/)(utils?|misc|helpers?|common|types|shared|lib)(\/|\.ts$)/;
    expect(all.map((file) => file.name).filter((name) => drawer.test(name))).toEqual([]);
  });

  it('keep the top of the repository to what was agreed', () => {
    const allowed = new Set([
      ...['device', 'cloud-bridge', 'sim', 'test', 'package.json', 'tsconfig.json', 'README.md', 'package-lock.json'],
      ...['.gitignore', '.ci', 'biome.json', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
      'docs',
      '.github',
    ]);
    const top = new Set(projectFiles().map((name) => name.split('/')[0] ?? ''));
    expect([...top].filter((name) => !allowed.has(name))).toEqual([]);
  });
});

describe('tests', () => {
  const tests = projectFiles().filter((name) => name.startsWith('test/') && name.endsWith('.test.ts'));
  const stems = new Set(projectFiles().map((name) => name.replace(/\.(tsx?|mjs)$/, '')));
  /** Sources that a test's name begins with: `ring-file-damage` is one of ring-file's. */
  const sourceOf = (path: string): string | undefined => {
    const words = path.split('-');
    return words
      .map((_, at) => words.slice(0, words.length - at).join('-'))
      .find((stem) => stems.has(stem) || stems.has(`test/${stem}`));
  };

  it('stand at the path of their source, or are a scenario', () => {
    const SCENARIOS = /^test\/(scenarios\/(attack|e2e|faults|properties|shipped|wire)|layout|bench|proofs|tools)\//;
    const lost = tests.filter((name) => {
      const folder = dirname(name).slice('test/'.length);
      return !SCENARIOS.test(name) && !existsSync(join(root, folder));
    });
    expect(lost).toEqual([]);
  });

  it('are named after their source, or say in their first line what of the folder they hold', () => {
    const silent = tests.filter((name) => {
      const path = name.slice('test/'.length).replace(/(\.alone)?(\.slow)?\.test\.ts$/, '');
      const [first = ''] = readFileSync(join(root, name), 'utf8')
        .replace(/^(\/\/ @module-tag .*\n)+/, '')
        .split('\n');
      return sourceOf(path) === undefined && !/^\/\/ [A-Z`]/.test(first);
    });
    expect(silent).toEqual([]);
  });
});

describe('documents', () => {
  const documents = projectFiles().filter((name) => name.endsWith('.md'));

  it('have no dead link', () => {
    const dead = documents.flatMap((name) =>
      [...readFileSync(join(root, name), 'utf8').matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)/g)]
        .map((match) => ({ to: match[1] ?? '', anchor: match[2] ?? '' }))
        .filter(({ to, anchor }) => {
          const target = to === '' ? join(root, name) : join(root, dirname(name), to);
          if (!existsSync(target)) return true;
          if (anchor === '' || !target.endsWith('.md')) return false;
          return !headings(readFileSync(target, 'utf8')).includes(anchor.slice(1));
        })
        .map(({ to, anchor }) => `${name}: ${to}${anchor}`),
    );
    expect(dead).toEqual([]);
  });

  it.each(['The walk of a segment', 'The walk of a grant'])('tell %s through files that know each other', (walk) => {
    const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
    const section = page.split(`### ${walk}\n`)[1]?.split(/\n##/)[0] ?? '';
    const steps = section.split('\n').filter((line) => /^\d+\. /.test(line));
    const files = steps.map((step) => [...step.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map((match) => match[1] ?? ''));
    expect(files.length).toBeGreaterThan(5);
    expect(files.flat().filter((name) => !all.some((file) => file.name === name))).toEqual([]);
    expect(steps.filter((step) => step.length > 160)).toEqual([]);
  });

  it('name no file that is not there, in notes and in comments', () => {
    const files = projectFiles().filter((name) => existsSync(join(root, name)));
    const names = new Set(files.map((name) => name.slice(name.lastIndexOf('/') + 1)));
    const isThere = (named: string) =>
      named.includes('/') ? files.some((name) => name === named || name.endsWith(`/${named}`)) : names.has(named);
    const stale = files.flatMap((name) => {
      if (!/\.(md|ts|mjs)$/.test(name) || name === 'CHANGELOG.md') return [];
      const lines = readFileSync(join(root, name), 'utf8').split('\n');
      const told = name.endsWith('.md') ? lines : lines.filter((line) => /^\s*(\/\/|\/?\*)/.test(line));
      const named = told.flatMap((line) => [
        ...line.matchAll(/(?<![\w./*-])((?:[\w-]+\/)*[a-z][\w.-]*\.(?:ts|mjs))(?![\w*])/g),
      ]);
      return named
        .map((match) => match[1] ?? '')
        .filter((file) => !isThere(file) && !/NAME|^dist\//.test(file))
        .map((file) => `${name}: ${file}`);
    });
    expect(stale).toEqual([]);
  });

  it('give every folder of code a design note with its four parts', () => {
    const folders = new Set(all.map((file) => dirname(file.name)).filter((name) => name.split('/').length === 2));
    const missing = [...folders].filter((folder) => {
      const note = join(root, folder, 'README.md');
      if (!existsSync(note)) return true;
      const text = readFileSync(note, 'utf8');
      return !['Status', 'Objective', 'Non-goals', 'Alternatives considered'].every((part) => text.includes(part));
    });
    expect(missing).toEqual([]);
  });
});

/** What imports itself over others: each circle once, as the names in it. A name is in one when it is reached from itself. */
function circles(imports: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const reachedFrom = new Map(
    [...imports.keys()].map((name) => {
      const reached = new Set<string>();
      const waiting = [...(imports.get(name) ?? [])];
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        if (reached.has(next)) continue;
        reached.add(next);
        waiting.push(...(imports.get(next) ?? []));
      }
      return [name, reached] as const;
    }),
  );
  const found = new Set<string>();
  for (const [name, reached] of reachedFrom) {
    if (!reached.has(name)) continue;
    found.add(
      [...reached]
        .filter((other) => reachedFrom.get(other)?.has(name))
        .sort()
        .join(', '),
    );
  }
  return [...found];
}

/** Anchors of a document's headings, as GitHub makes them. */
function headings(text: string): string[] {
  return [...text.matchAll(/^#+\s+(.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}
