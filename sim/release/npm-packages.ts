// What npm publishes: each of our packages as a file, without what only this checkout uses.
import { posix } from 'node:path';
import { utf8 } from '@doorsill/contract/bytes';
import { failure } from '../errors.ts';
import { type ArchiveFile, packArchive } from './pack-archive.ts';
import { type OwnManifest, type OwnPackage, order, type ReleaseSource } from './release-source.ts';

export interface PublishedAs {
  /** The npm scope of all packages, without `@`. Without one they keep the checkout's names, which nobody has claimed. */
  scope?: string | undefined;
  /** The https address of the repository, which npm's provenance is about. */
  repository?: string | undefined;
}

export interface NpmPackage {
  /** Its file's name, as npm would name it. */
  file: string;
  bytes: Uint8Array;
}

/**
 * The packages of a built checkout; the same build gives the same bytes. Under a scope the code imports the packages by their old names
 * still: dependencies are aliases (https://docs.npmjs.com/cli/v11/configuring-npm/package-json#dependencies, "alias"). Throws `usage` for a
 * scope or an address that npm would refuse.
 */
export function npmPackages({ packages, madeS }: ReleaseSource, as: PublishedAs = {}): NpmPackage[] {
  const { scope, repository } = as;
  if (scope !== undefined && !/^[a-z0-9][a-z0-9._-]{0,99}$/.test(scope)) {
    throw failure('usage', { detail: '--scope takes the name of an npm scope without the @, such as our-team' });
  }
  if (repository !== undefined && !(URL.canParse(repository) && repository.startsWith('https://'))) {
    throw failure('usage', { detail: '--repository takes the https address of the repository' });
  }
  const named = new Map(packages.map(({ manifest: { name } }) => [name, publishedName(name, scope)]));
  return packages.map((own) => {
    const manifest = publishedManifest(own, named, repository);
    const readme = utf8(readmeOf(own, named));
    const files = [
      { path: 'package.json', bytes: utf8(`${JSON.stringify(manifest, null, 2)}\n`) },
      { path: 'README.md', bytes: readme },
      ...withoutUnreachableTypes(own).filter(({ path }) => !['package.json', 'README.md'].includes(path)),
    ];
    const packed = files
      .sort((a, b) => order(a.path, b.path))
      .map((file) => ({ ...file, path: `package/${file.path}` }));
    const name = named.get(own.manifest.name) ?? own.manifest.name;
    const file = `${name.replace(/^@/, '').replace('/', '-')}-${own.manifest.version}.tgz`;
    return { file, bytes: packArchive(packed, madeS) };
  });
}

function publishedName(name: string, scope: string | undefined): string {
  return scope === undefined ? name : `@${scope}/${name.replace(/^.*\//, '')}`;
}

/** A package.json without the checkout's scripts and sources, and without the mark that keeps npm from publishing the checkout itself. */
function publishedManifest(
  { manifest, folder }: OwnPackage,
  named: ReadonlyMap<string, string>,
  repository: string | undefined,
): object {
  const {
    private: _,
    scripts: _scripts,
    devDependencies: _dev,
    files: _files,
    exports,
    dependencies,
    ...rest
  } = manifest;
  const aliased = Object.entries(dependencies ?? {}).map(([name, version]) => {
    const published = named.get(name) ?? name;
    return [name, published === name ? version : `npm:${published}@${version}`];
  });
  const offered = Object.entries(exports).map(([subpath, target]) => {
    if (typeof target === 'string') return [subpath, target];
    const { source: _source, ...built } = target;
    return [subpath, built];
  });
  return {
    ...rest,
    name: named.get(manifest.name) ?? manifest.name,
    ...(repository ? { repository: { type: 'git', url: `git+${repository}`, directory: folder } } : {}),
    exports: Object.fromEntries(offered),
    ...(dependencies ? { dependencies: Object.fromEntries(aliased) } : {}),
  };
}

/** The files without declarations that no exported one leads to: TypeScript could never read them. */
function withoutUnreachableTypes({ manifest, files }: OwnPackage): ArchiveFile[] {
  const texts = new Map(
    files.filter(({ path }) => path.endsWith('.d.ts')).map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]),
  );
  const offered = Object.values(manifest.exports).flatMap((target) =>
    typeof target === 'string' || target.types === undefined ? [] : [posix.normalize(target.types)],
  );
  const reached = new Set(offered);
  for (const path of reached) {
    const text = texts.get(path);
    if (text === undefined)
      throw failure('release_unmade', { detail: `${manifest.name} exports ${path}, which is missing.` });
    for (const [, specifier = ''] of text.matchAll(/(?:from |import\()["'](\.[^"']*)["']/g)) {
      const target = posix.join(posix.dirname(path), specifier);
      reached.add(target.replace(/(\.d)?\.[jt]s$/, '.d.ts'));
    }
  }
  return files.filter(({ path }) => !texts.has(path) || reached.has(path));
}

/** The first page that a reader of the package sees. */
function readmeOf({ manifest }: OwnPackage, named: ReadonlyMap<string, string>): string {
  const name = named.get(manifest.name) ?? manifest.name;
  const commands = Object.keys(manifest.bin ?? {}).map(
    (command) => `It brings the command \`${command}\`; \`${command} --help\` lists what it does.\n\n`,
  );
  return `# ${name}

${manifest.description}

${commands.join('')}It is one of six packages of doorsill ${manifest.version}, a smart doorbell in software that keeps every frame on the device until its owner
grants a part of it. Install them together, all of one version. ${neededOf(manifest, named)}

${exportsOf(manifest, name)}Node ${manifest.engines.node.slice(2)} or newer. License: ${manifest.license}.
`;
}

function neededOf({ dependencies }: OwnManifest, named: ReadonlyMap<string, string>): string {
  const ours = Object.keys(dependencies ?? {}).flatMap((name) => named.get(name) ?? []);
  return ours.length === 0
    ? 'It needs none of the others.'
    : `It needs ${ours.map((name) => `\`${name}\``).join(', ')}.`;
}

function exportsOf({ exports }: OwnManifest, name: string): string {
  const modules = Object.keys(exports).filter((subpath) => typeof exports[subpath] === 'object');
  if (modules.length === 0) return '';
  return `A program imports, with types:\n\n${modules.map((subpath) => `- \`${name}${subpath.slice(1)}\``).join('\n')}\n\n`;
}
