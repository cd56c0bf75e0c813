// The verb `device`: a board's verb (device/cli) with simulated faults of a virtual doorbell's disk and clock.

import { resolve } from 'node:path';
import { type Context, openContext, repeated } from '@doorsill/device/cli/context';
import { addRunDevice, type DoorbellSetup, type OpenFaults } from '@doorsill/device/cli/run-device';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { DeviceFaults, listDeviceFaults } from '../world/device-faults.ts';
import { FaultServer, orderFaults } from '../world/fault-socket.ts';

export interface FaultOptions {
  fault: string[];
  control?: string;
}

/** Adds the options of verbs that run a virtual doorbell; `whose`: its possessive in the help. */
export function withFaultOptions(command: Command, whose = 'its'): Command {
  return command
    .option(
      '--fault <fault>',
      `make ${whose} disk or clock fail, NAME[=VALUE][@START][+LENGTH], such as disk-full@30s+10s; may be repeated`,
      repeated,
      [],
    )
    .option('--control <path>', 'a socket for `device fault`, for this user only');
}

const FAULT_EXAMPLES = `
Faults are for virtual doorbells: one with a wired camera or hardware in device.json, or that runs as a service, refuses them. \`device faults\`
lists all. A START counts from the doorbell's start; without it a fault begins at once. Log and owners are notified of each.
  $ doorsill device --data ./porch --fault disk-full@30s+10s --fault clock-set=1970
  $ doorsill device --data ./porch --control ./porch.sock`;

const WIRED: ReadonlySet<string> = new Set(['v4l2', 'rpicam']);

/**
 * Prepares a doorbell's faults, and begins those that are due; null without fault options. Throws `device_fault_on_hardware`, and the errors of
 * `DeviceFaults.add` and `FaultServer.start`.
 */
export async function openFaults(
  context: Context,
  { fault, control }: FaultOptions,
  about: DoorbellSetup,
): Promise<OpenFaults | null> {
  if (fault.length === 0 && control === undefined) return null;
  const what = hardwareOf(about);
  if (what !== null) throw failure('device_fault_on_hardware', { what });
  const { clock, disk, random, log } = context;
  const faults = new DeviceFaults({
    clock,
    disk,
    random,
    log,
    cutOff: () => process.kill(process.pid, 'SIGKILL'),
  });
  const server = control === undefined ? null : new FaultServer(resolve(control), { clock, disk, faults });
  const stop = async () => {
    faults.stop();
    await server?.stop();
  };
  try {
    faults.add(fault);
    await server?.start();
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { seams: { disk: faults.disk, clock: faults.clock }, simulatedFaults: faults, stop };
}

/** The hardware of a doorbell; null for a virtual one. */
function hardwareOf({ config, cameraKind, environment }: DoorbellSetup): string | null {
  if (WIRED.has(cameraKind())) return 'its camera is wired to this machine';
  if (config.buttons.length > 0) return 'device.json names real buttons';
  if (config.chime !== undefined) return 'device.json names a chime';
  if (config.shutter !== undefined) return 'device.json names a shutter';
  if (environment['NOTIFY_SOCKET']) return 'it runs as a service of this machine';
  return null;
}

export function addDevice(program: Command): void {
  const device = addRunDevice(program, 'device', {
    withOptions: withFaultOptions,
    examples: FAULT_EXAMPLES,
    open: (context, options, about) => openFaults(context, options as FaultOptions, about),
  });
  addDeviceFaultVerbs(device);
}

function addDeviceFaultVerbs(device: Command): void {
  device
    .command('fault [faults...]')
    .description('add and clear faults of a running virtual doorbell, and list its faults')
    .requiredOption('--control <path>', 'its control socket')
    .option('--clear <name>', 'clear a fault, or all; may be repeated', repeated, [])
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill device fault --control ./porch.sock disk-read-only+20s
  $ doorsill device fault --control ./porch.sock --clear all clock-ahead=3h
  $ doorsill device fault --control ./porch.sock power-cut=torn`,
    )
    .action(async (add: string[], options: { control: string; clear: string[] }, command: Command) => {
      const { clock, output } = openContext(command);
      const state = await orderFaults(resolve(options.control), { clear: options.clear, add }, clock);
      const lines = state.faults.map(({ fault, fromS, untilS }) => {
        const end = untilS === null ? 'until it is cleared' : `until ${untilS.toFixed(1)} s`;
        return `  ${fault}: from ${fromS.toFixed(1)} s ${end}`;
      });
      const head = `${state.nowS.toFixed(1)} s since its start, ${lines.length === 0 ? 'no fault' : 'faults:'}`;
      output.result({ event: 'device', ...state }, [head, ...lines].join('\n'));
    });
  device
    .command('faults')
    .description('list the faults of disk and clock that a virtual doorbell can have')
    .addHelpText('after', '\nExample:\n  $ doorsill device faults')
    .action((_options: object, command: Command) => {
      const { output } = openContext(command);
      for (const { name, takes, does } of listDeviceFaults())
        output.result({ fault: name, takes, does }, `${name}${takes === '' ? '' : `=${takes}`}\n  ${does}`);
    });
}
