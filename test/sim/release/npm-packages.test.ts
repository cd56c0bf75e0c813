import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { npmPackages, type PublishedAs } from '../../../sim/release/npm-packages.ts';
import { builtCheckout, type OwnManifest, type ReleaseSource } from '../../../sim/release/release-source.ts';

const SHARED: OwnManifest = {
  name: '@doorsill/shared',
  version: '1.2.3',
  description: 'What both need.',
  license: 'Apache-2.0',
  private: true,
  engines: { node: '>=20.19' },
  scripts: { postinstall: 'curl example.com' },
  devDependencies: { typescript: '7' },
  publishConfig: { access: 'public', provenance: true },
  exports: { './door': { source: './door.ts', types: './dist/door.d.ts', default: './dist/door.js' } },
  dependencies: { zod: '^4.0.0' },
};
const COMMAND: OwnManifest = {
  ...SHARED,
  name: 'doorsill',
  description: 'The command.',
  exports: { './plain': './plain.mjs' },
  bin: { doorsill: 'cli.mjs' },
  dependencies: { '@doorsill/shared': '1.2.3', zod: '^4.0.0' },
};
const file = (path: string, text: string) => ({ path, bytes: Buffer.from(text) });
const SOURCE: ReleaseSource = {
  folder: '/nowhere',
  version: '1.2.3',
  node: '20.19.0',
  commit: '0'.repeat(40),
  author: 'Robin Maple <robin@example.com>',
  madeS: 1_700_000_000,
  packages: [
    {
      folder: 'device/shared',
      manifest: SHARED,
      files: [
        file('package.json', JSON.stringify(SHARED)),
        file('README.md', '# notes of ours'),
        file('dist/door.js', ''),
        file('dist/door.d.ts', "export * from './bell.ts';\nexport type Far = import('../lib/far.js').Far;\n"),
        file('dist/bell.d.ts', 'export {};\n'),
        file('lib/far.d.ts', 'export interface Far {}\n'),
        file('dist/hidden.js', ''),
        file('dist/hidden.d.ts', 'export {};\n'),
      ],
    },
    { folder: 'sim', manifest: COMMAND, files: [file('package.json', ''), file('cli.mjs', '')] },
  ],
};

/** The files of a package by their paths, as its archive has them. */
function unpack(bytes: Uint8Array): Map<string, string> {
  const tar = gunzipSync(bytes);
  const files = new Map<string, string>();
  for (let at = 0; tar[at] !== 0; ) {
    const field = (from: number, to: number) => tar.toString('utf8', at + from, at + to).replace(/\0[\s\S]*/, '');
    const length = Number.parseInt(field(124, 136), 8);
    files.set(field(0, 100), tar.toString('utf8', at + 512, at + 512 + length));
    at += 512 + Math.ceil(length / 512) * 512;
  }
  return files;
}

function published(as: PublishedAs = {}, source = SOURCE) {
  return npmPackages(source, as).map(({ file: name, bytes }) => {
    const files = unpack(bytes);
    return { name, files, manifest: JSON.parse(files.get('package/package.json') ?? 'null') };
  });
}

describe('a package for npm', () => {
  it('has neither scripts nor sources nor the mark that keeps the checkout from being published', () => {
    const [shared] = published();
    expect(shared?.name).toBe('doorsill-shared-1.2.3.tgz');
    expect(shared?.manifest).toEqual({
      name: '@doorsill/shared',
      version: '1.2.3',
      description: 'What both need.',
      license: 'Apache-2.0',
      engines: { node: '>=20.19' },
      publishConfig: { access: 'public', provenance: true },
      exports: { './door': { types: './dist/door.d.ts', default: './dist/door.js' } },
      dependencies: { zod: '^4.0.0' },
    });
  });

  it('has the declarations that its exports lead to, and every program', () => {
    expect([...(published()[0]?.files.keys() ?? [])]).toEqual([
      'package/README.md',
      'package/dist/bell.d.ts',
      'package/dist/door.d.ts',
      'package/dist/door.js',
      'package/dist/hidden.js',
      'package/lib/far.d.ts',
      'package/package.json',
    ]);
  });

  it('is refused when a declaration is missing', () => {
    const [shared, command] = SOURCE.packages;
    if (!shared || !command) throw new Error('there are two');
    const less = { ...shared, files: shared.files.filter(({ path }) => path !== 'dist/bell.d.ts') };
    expect(() => npmPackages({ ...SOURCE, packages: [less, command] })).toThrow(
      expect.objectContaining({ code: 'release_unmade' }),
    );
  });

  it('has a page with what it is, its command, and what a program can import', () => {
    const [shared, command] = published().map(({ files }) => files.get('package/README.md'));
    expect(shared).toMatch(/^# @doorsill\/shared\n\nWhat both need\.\n/);
    expect(shared).toContain('- `@doorsill/shared/door`\n');
    expect(command).toContain('It brings the command `doorsill`');
    expect(command).toContain('It needs `@doorsill/shared`.');
    expect(command).not.toContain('plain');
  });

  it('under a scope takes the others by aliases, so that the code stays as it is', () => {
    const [shared, command] = published({ scope: 'porch-team', repository: 'https://example.com/porch' });
    expect([shared?.name, command?.name]).toEqual(['porch-team-shared-1.2.3.tgz', 'porch-team-doorsill-1.2.3.tgz']);
    expect(shared?.manifest).toMatchObject({
      name: '@porch-team/shared',
      repository: { type: 'git', url: 'git+https://example.com/porch', directory: 'device/shared' },
    });
    expect(command?.manifest).toMatchObject({
      name: '@porch-team/doorsill',
      dependencies: { '@doorsill/shared': 'npm:@porch-team/shared@1.2.3', zod: '^4.0.0' },
    });
  });

  it.each<PublishedAs>([
    { scope: '@porch' },
    { scope: 'Porch' },
    { scope: '' },
    { scope: 'a/b' },
    { repository: 'http://example.com' },
    { repository: 'example' },
  ])('is refused for %j', (as) => {
    expect(() => npmPackages(SOURCE, as)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('is the same, byte for byte, when it is made again', () => {
    expect(npmPackages(SOURCE)).toEqual(npmPackages(SOURCE));
  });
});

describe('a checkout', () => {
  const folder = mkdtempSync(join(tmpdir(), 'doorsill-test-source-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const git = (...args: string[]) => execFileSync('git', ['-C', folder, ...args], { stdio: 'ignore' });

  it('is read with what npm packs of each package, and is refused where versions differ', async () => {
    const workspaces = ['device/shared', 'sim'];
    write('package.json', JSON.stringify({ name: 'all', version: '1.2.3', engines: { node: '>=20.19' }, workspaces }));
    write('LICENSE', 'free');
    write('device/shared/package.json', JSON.stringify({ ...SHARED, files: ['dist/'] }));
    write('device/shared/dist/door.js', 'open();\n');
    write('device/shared/door.ts', 'open();\n');
    write('device/shared/LICENSE', 'a copy from before');
    write('sim/package.json', JSON.stringify(COMMAND));
    git('init', '--initial-branch=main');
    git('add', '--all');
    git('-c', 'user.name=test', '-c', 'user.email=test@example', 'commit', '--message=all');

    const source = await builtCheckout(folder);
    expect(source).toMatchObject({
      version: '1.2.3',
      node: '20.19.0',
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect(source.packages[0]?.files.map(({ path }) => path).sort()).toEqual([
      'LICENSE',
      'dist/door.js',
      'package.json',
    ]);
    expect(source.packages[0]?.files.find(({ path }) => path === 'LICENSE')?.bytes).toEqual(Buffer.from('free'));

    write('sim/package.json', JSON.stringify({ ...COMMAND, dependencies: { '@doorsill/shared': '1.2.2' } }));
    await expect(builtCheckout(folder)).rejects.toMatchObject({ code: 'release_unmade' });
    write('sim/package.json', JSON.stringify({ ...COMMAND, version: '1.2.4' }));
    await expect(builtCheckout(folder)).rejects.toMatchObject({ code: 'release_unmade' });
  });
});
