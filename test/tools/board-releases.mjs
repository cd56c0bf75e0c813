// What `npm run check:pi` updates the board with. With --updates, releases: the installed package under several version numbers, and one that
// does not start, signed by a key of the moment. With --package, Debian packages.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './report.mjs';

/** As in a release: a doorbell needs no database driver, and its ffmpeg is the system's. */
const LEFT_OUT = /^(better-sqlite3[^/]*|node-ffmpeg-[^/]+|\.bin|\.package-lock\.json)(\/|$)/;
/** Nothing runs these, and an emulated board writes each file slowly: a release of ours has them. */
const NOT_RUN = /\.(d\.[cm]?ts|map|md)$/;

/** Files of a folder where npm installed the package, by their paths in a release. */
function installedFiles(from) {
  const modules = join(from, 'node_modules');
  return readdirSync(modules, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((full) => ({ full, path: relative(modules, full) }))
    .filter(({ path }) => !LEFT_OUT.test(path) && !NOT_RUN.test(path))
    .map(({ full, path }) => ({
      path: path.startsWith('@doorsill/device/') ? path.slice('@doorsill/'.length) : `node_modules/${path}`,
      bytes: readFileSync(full),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Makes the releases in `folder`, with `release.pub` and `releases.json`, which names them: `first`, `second`, `third` and `broken`, each with its file,
 * version, files and their bytes. `cpu` is the board's, as npm calls it.
 */
export async function makeReleases(from, cpu, folder) {
  const dist = (path) => import(join(root, path));
  const [
    { packArchive },
    { printMinisignKey, signAsMinisign },
    { generateSigningKey },
    { SystemRandom },
    { DEVICE_FORMAT },
  ] = await Promise.all([
    dist('sim/dist/release/pack-archive.js'),
    dist('device/dist/update/minisign.js'),
    dist('device/base/dist/keys.js'),
    dist('device/base/dist/random.js'),
    dist('device/dist/folder-format.js'),
  ]);
  const random = new SystemRandom();
  const [signing, id] = [generateSigningKey(random), random.bytes(8)];
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'release.pub'), printMinisignKey({ id, publicKey: signing.publicKey }));
  const whole = installedFiles(from);
  const own = JSON.parse(whole.find(({ path }) => path === 'device/package.json').bytes);
  const [major, minor] = own.version.split('.').map(Number);
  const about = { kind: 'doorsill-release', platform: 'linux', arch: cpu, node: '20.19.0', format: DEVICE_FORMAT };
  const make = (version, files) => {
    const said = { ...about, version, commit: '0'.repeat(40), madeS: 1 };
    const all = [{ path: 'release.json', bytes: Buffer.from(JSON.stringify(said)) }, ...files];
    const archive = packArchive(all, 1);
    const file = `doorsill-${version}-linux-${cpu}.tar.gz`;
    writeFileSync(join(folder, file), archive);
    writeFileSync(join(folder, `${file}.minisig`), signAsMinisign(archive, id, signing, file));
    return { file, version, files: all.length, bytes: all.reduce((sum, { bytes }) => sum + bytes.length, 0) };
  };
  const packageAs = (version) => {
    const bytes = Buffer.from(JSON.stringify({ ...own, version }));
    return make(
      version,
      whole.map((file) => (file.path === 'device/package.json' ? { ...file, bytes } : file)),
    );
  };
  const releases = {
    first: packageAs(own.version),
    second: packageAs(`${major}.${minor + 1}.0`),
    third: packageAs(`${major}.${minor + 2}.0`),
    broken: make(`${major}.${minor + 3}.0`, [
      { path: 'device/cli/doorsill-device.mjs', bytes: Buffer.from('process.exit(1);\n') },
    ]),
  };
  writeFileSync(join(folder, 'releases.json'), JSON.stringify(releases));
}

/** Makes the Debian package of this checkout for a processor, as `first.deb`, and the same under a later version number as `next.deb`. */
export async function makePackages(cpu, folder) {
  const release = (name) => import(join(root, `sim/dist/release/${name}.js`));
  const [{ boardArchive }, { debianPackage }, { builtCheckout }] = await Promise.all(
    ['board-archive', 'debian-package', 'release-source'].map(release),
  );
  const board = await boardArchive(await builtCheckout(root), cpu);
  const later = { ...board, manifest: { ...board.manifest, version: '99.0.0' } };
  for (const [name, one] of [
    ['first.deb', board],
    ['next.deb', later],
  ])
    writeFileSync(join(folder, name), (await debianPackage(one, 'Porch Packager <porch@debian.org>')).bytes);
}
