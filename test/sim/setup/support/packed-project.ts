// The packed packages, or some of them, installed into an empty project, what they need from a registry on loopback.
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../../../layout/source-tree.ts';
import { packedName } from '../../../support/own-packages.ts';
import { type Ended, ended, Machine } from './checkout.ts';
import { LoopbackRegistry } from './loopback-registry.ts';

/** What a board needs. */
export const DEVICE_PACKAGES = ['@doorsill/contract', '@doorsill/base', '@doorsill/console-page', '@doorsill/device'];

export class PackedProject {
  readonly registry: LoopbackRegistry;
  readonly machine: Machine;
  /** The project's folder. */
  readonly folder: string;
  /** The packed files by the names of their packages. */
  readonly tarballs: ReadonlyMap<string, string>;
  /** What the install did. */
  readonly installed: Ended;

  private constructor(of: Pick<PackedProject, 'registry' | 'machine' | 'folder' | 'tarballs' | 'installed'>) {
    this.registry = of.registry;
    this.machine = of.machine;
    this.folder = of.folder;
    this.tarballs = of.tarballs;
    this.installed = of.installed;
  }

  /** `names`: of the packages that are installed; all of them unless some are named. */
  static async make(names?: readonly string[]): Promise<PackedProject> {
    const registry = new LoopbackRegistry(root);
    await registry.start();
    const machine = new Machine(registry);
    const packed = machine.run(root, machine.node, ['sim/dist/release/main.js', '--npm', '--out', machine.folder]);
    if (packed.status !== 0) throw new Error(packed.output);
    const tarballs = new Map(
      readdirSync(machine.folder)
        .filter((name) => name.endsWith('.tgz'))
        .map((file) => [packedName(file), join(machine.folder, file)]),
    );
    return await PackedProject.install({ registry, machine, tarballs }, names);
  }

  /** Another empty project of the same machine, which has packed them already. */
  beside(names: readonly string[]): Promise<PackedProject> {
    return PackedProject.install(this, names);
  }

  private static async install(
    of: Pick<PackedProject, 'registry' | 'machine' | 'tarballs'>,
    names: readonly string[] = [...of.tarballs.keys()],
  ): Promise<PackedProject> {
    const { registry, machine, tarballs } = of;
    const folder = mkdtempSync(join(machine.folder, 'project-'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
    const wanted = names.map((name) => tarballs.get(name) ?? `no tarball of ${name}`);
    const installed = await ended(machine.start(folder, 'npm', ['install', '--no-audit', '--no-fund', ...wanted]));
    return new PackedProject({ registry, machine, folder, tarballs, installed });
  }

  /** Adds a package that a developer has besides, from a folder of this machine. */
  link(name: string, from: string): void {
    const path = join(this.folder, 'node_modules', name);
    mkdirSync(dirname(path), { recursive: true });
    if (!readdirSync(dirname(path)).includes(path.slice(dirname(path).length + 1))) symlinkSync(from, path);
  }

  /** Removes the machine, with all its projects. */
  async dispose(): Promise<void> {
    await this.registry.stop();
    this.machine.dispose();
  }
}
