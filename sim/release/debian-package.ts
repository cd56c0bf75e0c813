// The Debian package of a doorbell's programs, its service and its rights on a board, made by dpkg-deb.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { parseJson } from '@doorsill/contract/parse-json';
import { debianService } from '@doorsill/device/board/debian-service';
import { z } from 'zod';
import { failure } from '../errors.ts';
import type { BoardArchive } from './board-archive.ts';
import { maintainerScripts } from './maintainer-scripts.ts';
import type { ArchiveFile } from './pack-archive.ts';
import { LICENSES } from './program-tree.ts';
import { order, run, writeFiles } from './release-source.ts';

const PROGRAMS = 'usr/lib/doorsill-device';
const LAUNCHER = `${PROGRAMS}/device/cli/doorsill-device.mjs`;
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' } as const;

export interface DebianPackage {
  /** Its file's name, as Debian names packages. */
  file: string;
  bytes: Uint8Array;
}

/** Throws `release_unmade` where dpkg-deb is missing. */
export function assertDpkg(): void {
  if (spawnSync('dpkg-deb', ['--version']).error)
    throw failure('release_unmade', { detail: 'dpkg-deb, which makes the Debian package, is missing: install dpkg.' });
}

/**
 * The package for a board's archive. `maintainer` is a name with an address in angle brackets. The same archive, maintainer and dpkg give the
 * same bytes. Throws `release_unmade` where dpkg-deb fails.
 */
export async function debianPackage(board: BoardArchive, maintainer: string): Promise<DebianPackage> {
  const { manifest } = board;
  // A tilde sorts a version before its release (deb-version(7)).
  const version = manifest.version.replace('-', '~');
  const architecture = ARCHITECTURES[manifest.arch];
  const stage = await mkdtemp(join(tmpdir(), 'doorsill-debian-'));
  try {
    const root = join(stage, 'root');
    const files = [...programs(board), ...documents(board, version, maintainer), ...service()];
    const bytes = files.reduce((total, file) => total + file.bytes.length, 0);
    const control = controlFile(manifest.node, { version, architecture, maintainer, bytes });
    const scripts = maintainerScripts(manifest.format, debianService().subsystems);
    const about = Object.entries({ control, md5sums: checksums(files), ...scripts });
    await mkdir(join(root, 'usr/bin'), { recursive: true });
    await symlink(`../${LAUNCHER.slice('usr/'.length)}`, join(root, 'usr/bin/doorsill-device'));
    await writeFiles(root, [
      ...files,
      ...about.map(([name, text]) => ({ path: `DEBIAN/${name}`, bytes: Buffer.from(text) })),
    ]);
    const file = `doorsill-device_${version}_${architecture}.deb`;
    const packing = ['--root-owner-group', '-Zxz', '--threads-max=1', '--build', root, join(stage, file)];
    run('dpkg-deb', packing, stage, { SOURCE_DATE_EPOCH: String(manifest.madeS) });
    return { file, bytes: await readFile(join(stage, file)) };
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/** The archive's files. The package starts the node that it depends on, not the first on PATH; its licenses are in one document. */
function programs({ files }: BoardArchive): ArchiveFile[] {
  return files
    .filter(({ path }) => !isLicense(path))
    .map(({ path, bytes }) => {
      const full = join(PROGRAMS, path);
      if (full !== LAUNCHER) return { path: full, bytes };
      const text = Buffer.from(bytes).toString();
      return { path: full, bytes: Buffer.from(text.replace('#!/usr/bin/env node', '#!/usr/bin/node')) };
    });
}

/** Whether it is a license's text, and not a program about licenses. */
function isLicense(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return LICENSES.test(name) && !/\.([cm]?js|json|node)$/.test(name);
}

function service(): ArchiveFile[] {
  return [...debianService().files].map(([path, text]) => ({ path: path.slice(1), bytes: Buffer.from(text) }));
}

function controlFile(
  node: string,
  facts: { version: string; architecture: string; maintainer: string; bytes: number },
): string {
  return `Package: doorsill-device
Version: ${facts.version}
Architecture: ${facts.architecture}
Maintainer: ${facts.maintainer}
Installed-Size: ${Math.ceil(facts.bytes / 1_024)}
Depends: nodejs (>= ${node.replace(/\.0$/, '')}), ffmpeg (>= 7:5.1), libc6, libgcc-s1, libstdc++6, systemd | systemd-standalone-sysusers
Suggests: mosquitto, v4l-utils
Section: video
Priority: optional
Description: smart doorbell that keeps its footage
 A doorbell as a service of this board. It films with a USB, network or
 Raspberry Pi camera into an encrypted buffer, rings, and shows its owners
 a page. Nobody else receives a frame before an owner has granted a part.
`;
}

/** Each file with its MD5 (deb-md5sums(5)). */
function checksums(files: readonly ArchiveFile[]): string {
  const sorted = [...files].sort((a, b) => order(a.path, b.path));
  return sorted.map(({ path, bytes }) => `${createHash('md5').update(bytes).digest('hex')}  ${path}\n`).join('');
}

function documents(board: BoardArchive, version: string, maintainer: string): ArchiveFile[] {
  const day = new Date(board.manifest.madeS * 1_000).toUTCString().replace('GMT', '+0000');
  const changes = `doorsill-device (${version}) stable; urgency=medium

  * Version ${version}; CHANGELOG.md of the sources says what changed.

 -- ${maintainer}  ${day}
`;
  return [
    { path: 'usr/share/doc/doorsill-device/changelog.gz', bytes: gzipped(changes) },
    { path: 'usr/share/lintian/overrides/doorsill-device', bytes: Buffer.from(OVERRIDES) },
    { path: 'usr/share/doc/doorsill-device/copyright', bytes: Buffer.from(copyright(board)) },
    { path: 'usr/share/man/man1/doorsill-device.1.gz', bytes: gzipped(MAN_PAGE) },
  ];
}

/** Without a time. */
const gzipped = (text: string) => gzipSync(text, { level: constants.Z_BEST_COMPRESSION });

const listSchema = z.looseObject({
  components: z.array(
    z.looseObject({
      'bom-ref': z.string(),
      licenses: z
        .array(
          z.union([
            z.object({ license: z.object({ id: z.string().optional(), name: z.string().optional() }) }),
            z.object({ expression: z.string() }),
          ]),
        )
        .optional(),
    }),
  ),
});

/** The licenses of everything inside: by the list of packages, then each text once (Debian Policy §12.5). */
function copyright({ packages, files }: BoardArchive): string {
  const { components } = listSchema.parse(parseJson(packages));
  const listed = components.map(({ 'bom-ref': name, licenses = [] }) => {
    const names = licenses.map((one) => ('license' in one ? (one.license.id ?? one.license.name) : one.expression));
    return `${name}: ${names.join(', ') || 'see below'}`;
  });
  const texts = new Map<string, string[]>();
  for (const { path, bytes } of files.filter((file) => isLicense(file.path))) {
    const text = shortened(Buffer.from(bytes).toString().replaceAll('\r', '').trim());
    texts.set(text, [...(texts.get(text) ?? []), dirname(path)]);
  }
  return `The package consists of these of npm, each with its license:

${listed.sort(order).join('\n')}

Apache-2.0 is in /usr/share/common-licenses/Apache-2.0, LGPL-3.0 in /usr/share/common-licenses/LGPL-3.

${[...texts].map(([text, folders]) => `--- ${folders.join('\n--- ')}\n\n${text}\n`).join('\n')}`;
}

/** Licenses that every Debian has. */
const COMMON: readonly (readonly [RegExp, string])[] = [
  [/Apache License\s+Version 2\.0, January 2004/, 'Apache-2.0'],
  [/GNU LESSER GENERAL PUBLIC LICENSE\s+Version 3/, 'LGPL-3'],
  [/GNU GENERAL PUBLIC LICENSE\s+Version 3/, 'GPL-3'],
  [/GNU GENERAL PUBLIC LICENSE\s+Version 2/, 'GPL-2'],
];

/**
 * A license that every Debian has is named, with who holds the rights (Debian Policy §12.5). What stands before it stays: another license may.
 */
function shortened(text: string): string {
  const [title, common] = COMMON.find(([one]) => one.test(text)) ?? [];
  if (title === undefined) return text;
  const at = text.search(title);
  const holders = text.slice(at).match(/^[ \t]*Copyright .*\d{4}.*$/gm) ?? [];
  const kept = [text.slice(0, at), ...holders].map((part) => part.trim()).filter((part) => part !== '');
  return [...kept, `License: /usr/share/common-licenses/${common}`].join('\n');
}

/** What lintian finds and is meant so. */
const OVERRIDES = `# sharp's libvips is one file with the libraries that it was built with; Debian's libvips lacks what this sharp calls.
doorsill-device: embedded-library *
# Packages of npm are those of the lock file, by their hashes, and not Debian's versions of them.
doorsill-device: embedded-javascript-library *
`;

const MAN_PAGE = `.TH DOORSILL-DEVICE 1 "" doorsill "User Commands"
.SH NAME
doorsill-device \\- run and control a smart doorbell of this board
.SH SYNOPSIS
.B doorsill-device
.I verb
.RI [ option ...]
.SH DESCRIPTION
The doorbell runs as doorsill.service once it has settings:
.PP
.nf
    sudo doorsill-device setup
    sudo doorsill-device status
.fi
.PP
.B doorsill-device \\-\\-help
lists all verbs, and with a verb its options and examples.
.SH FILES
.TP
.I /var/lib/doorsill
Settings (device.json), keys, ledger and footage. It stays when the package is removed, and is destroyed when it is purged.
.TP
.I /etc/systemd/system/doorsill.service.d
Changes of yours to the service (systemctl edit doorsill).
.SH EXIT STATUS
0 when all went well, and else a number that
.B \\-\\-json
names with the error's code and what to do.
`;
