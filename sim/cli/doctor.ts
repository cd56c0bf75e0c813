// Owns: the verb `doctor`: looks at this machine and a data folder, says what is wrong and what to do.
// Not here: mending it.
import { access, constants } from 'node:fs/promises';
import type { Command } from 'commander';
import {
  exchangeJson,
  failure,
  findFfmpeg,
  folderHolder,
  isFailure,
  listHomes,
  OwnerSession,
} from '../../device/index.ts';
import { readTownFile, townPaths } from '../supervisor/town-file.ts';
import { type Context, dataFolder, openContext } from './context.ts';
import { printBytes } from './moments.ts';
import { asFailure } from './output.ts';

/** What one look found: fine, worth knowing, or wrong with what to do. */
interface Finding {
  what: string;
  level: 'ok' | 'note' | 'fault';
  detail: string;
  advice?: string;
}

const FREE_BYTES_MIN = 1_000_000_000;
const STATUS_MS_MAX = 3_000;

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('look for what is wrong on this machine and say how to mend it')
    .option('--data <dir>', 'data folder to look at (default: .doorsill)')
    .addHelpText('after', '\nExample:\n  $ npx doorsill doctor --json')
    .action(async (options: { data?: string }, command: Command) => {
      const context = openContext(command);
      const folder = dataFolder(options.data);
      const findings = [await nodeVersion(), await ffmpegOf(context), await diskOf(context, folder), clockOf(context)];
      findings.push(...(await townOf(context, folder)));
      const faults = findings.filter((finding) => finding.level === 'fault');
      const marks = { ok: 'ok   ', note: 'note ', fault: 'FAULT' } as const;
      const lines = findings.map(
        ({ what, level, detail, advice }) =>
          `${marks[level]}  ${what.padEnd(10)} ${detail}${advice ? `\n                  ${advice}` : ''}`,
      );
      const verdict =
        faults.length === 0 ? 'Nothing is wrong.' : `${faults.length} fault${faults.length === 1 ? '' : 's'}.`;
      context.output.result({ findings, faults: faults.length }, [...lines, '', verdict].join('\n'));
      if (faults.length > 0) process.exitCode = 5;
    });
}

async function nodeVersion(): Promise<Finding> {
  return { what: 'node', level: 'ok', detail: `${process.versions.node} on ${process.platform} ${process.arch}` };
}

async function ffmpegOf(context: Context): Promise<Finding> {
  try {
    const found = await findFfmpeg();
    return { what: 'ffmpeg', level: 'ok', detail: `${found.version} at ${found.path}` };
  } catch (thrown) {
    return faultOf('ffmpeg', thrown, context);
  }
}

async function diskOf(context: Context, folder: string): Promise<Finding> {
  const existing = await access(folder, constants.R_OK | constants.W_OK).then(
    () => folder,
    (thrown: NodeJS.ErrnoException) => (thrown.code === 'ENOENT' ? '.' : null),
  );
  if (existing === null) {
    return {
      what: 'disk',
      level: 'fault',
      detail: `${folder} cannot be written`,
      advice: 'Make it writable for this user, or name another with --data.',
    };
  }
  const free = await context.disk.freeBytes(existing);
  if (free >= FREE_BYTES_MIN) return { what: 'disk', level: 'ok', detail: `${printBytes(free)} free for ${folder}` };
  return {
    what: 'disk',
    level: 'fault',
    detail: `only ${printBytes(free)} free for ${folder}`,
    advice: 'Free some space, or make the ring smaller in device.json.',
  };
}

function clockOf(context: Context): Finding {
  if (context.clock.synchronised())
    return { what: 'clock', level: 'ok', detail: new Date(context.clock.wallUs() / 1000).toISOString() };
  return {
    what: 'clock',
    level: 'fault',
    detail: 'this machine’s clock is not set',
    advice: 'Set it or switch time synchronisation on; until then nothing is granted.',
  };
}

async function townOf(context: Context, folder: string): Promise<Finding[]> {
  let town: Awaited<ReturnType<typeof readTownFile>>;
  try {
    town = await readTownFile(context.disk, folder);
  } catch (thrown) {
    return [faultOf('data', thrown, context)];
  }
  if (!town)
    return [
      { what: 'data', level: 'note', detail: `${folder} holds no town yet`, advice: 'Start one with `npm start`.' },
    ];
  const pid = folderHolder(folder);
  if (pid === null)
    return [{ what: 'town', level: 'note', detail: `${folder} is not running`, advice: 'Start it with `npm start`.' }];
  const findings: Finding[] = [{ what: 'town', level: 'ok', detail: `runs as process ${pid}` }];
  for (const [what, url] of [
    ['registry', town.registry && `${town.registry.url}/v1/key`],
    ['bridge', town.bridge && `${town.bridge.url}/v1/bridge`],
  ] as const) {
    if (url) findings.push(await reach(what, url, context));
  }
  findings.push(...(await devicesOf(context, townPaths(folder).owner)));
  return findings;
}

async function reach(what: string, url: string, context: Context): Promise<Finding> {
  try {
    await exchangeJson(url, { method: 'GET' });
    return { what, level: 'ok', detail: `answers at ${new URL(url).origin}` };
  } catch (thrown) {
    return faultOf(what, thrown, context);
  }
}

/** Asks each paired device over its broker: both must answer. */
async function devicesOf(context: Context, ownerFolder: string): Promise<Finding[]> {
  const homes = await listHomes(context.disk, ownerFolder);
  return Promise.all(
    homes.map(async (home): Promise<Finding> => {
      const session = new OwnerSession(home, context);
      try {
        const state = await session.waitFor<{ camera: string; problem: string | null }>(
          `device ${home.device}`,
          STATUS_MS_MAX,
          (found) => ({
            state: ({ camera, storage }) =>
              found({
                camera: camera.state,
                problem: storage.state === 'ok' ? null : (storage.detail ?? storage.state),
              }),
          }),
          () => session.start(),
        );
        if (state.problem !== null) throw failure('ring_write_failed', { path: home.device, detail: state.problem });
        return { what: 'doorbell', level: 'ok', detail: `${home.device} answers, camera ${state.camera}` };
      } catch (thrown) {
        return faultOf('doorbell', thrown, context);
      } finally {
        await session.stop();
      }
    }),
  );
}

function faultOf(what: string, thrown: unknown, context: Context): Finding {
  const failed = asFailure(thrown);
  if (!isFailure(thrown)) context.log.error('a check failed unexpectedly', { what, detail: failed.message });
  return { what, level: 'fault', detail: failed.message, advice: failed.advice };
}
