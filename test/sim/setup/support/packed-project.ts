// Owns: the packed package, installed into an empty project from a registry on loopback.
// Not here: what the project then does (packed.test.ts).
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../../../layout/source-tree.ts';
import { type Ended, ended, Machine } from './checkout.ts';
import { LoopbackRegistry } from './loopback-registry.ts';

export class PackedProject {
  readonly registry: LoopbackRegistry;
  readonly machine: Machine;
  /** The project's folder. */
  readonly folder: string;
  readonly tarball: string;
  /** What the install did. */
  readonly installed: Ended;

  private constructor(of: Pick<PackedProject, 'registry' | 'machine' | 'folder' | 'tarball' | 'installed'>) {
    this.registry = of.registry;
    this.machine = of.machine;
    this.folder = of.folder;
    this.tarball = of.tarball;
    this.installed = of.installed;
  }

  static async make(): Promise<PackedProject> {
    const registry = new LoopbackRegistry(root);
    await registry.start();
    const machine = new Machine(registry);
    const packed = machine.run(root, 'npm', ['pack', '--silent', '--pack-destination', machine.folder]);
    if (packed.status !== 0) throw new Error(packed.output);
    // A build, if one was due, is told besides.
    const tarball = join(machine.folder, /^doorsill-.*\.tgz$/m.exec(packed.output)?.[0] ?? 'no tarball');
    const folder = join(machine.folder, 'project');
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
    const install = ['install', '--no-audit', '--no-fund', tarball];
    const installed = await ended(machine.start(folder, 'npm', install));
    return new PackedProject({ registry, machine, folder, tarball, installed });
  }

  /** Adds a package that a developer has besides, from a folder of this machine. */
  link(name: string, from: string): void {
    const path = join(this.folder, 'node_modules', name);
    mkdirSync(dirname(path), { recursive: true });
    if (!readdirSync(dirname(path)).includes(path.slice(dirname(path).length + 1))) symlinkSync(from, path);
  }

  async dispose(): Promise<void> {
    await this.registry.stop();
    this.machine.dispose();
  }
}
