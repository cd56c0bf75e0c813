// The verb `watch`: prints the device's messages, live or once.
import { recallAnswerOf } from '@doorsill/contract/hand-over-documents';
import type { DeviceState, Receipt } from '@doorsill/contract/home-messages';
import { oneLine } from '@doorsill/contract/outside-text';
import type { Command } from 'commander';
import { type OwnerListeners, OwnerSession } from '../owner/owner-session.ts';
import { printBytes, printTimeOfDay } from '../terminal/format-units.ts';
import { showNotice, showSighting, showUpload, showWindow } from '../terminal/owner-requests.ts';
import { aborted, stopSignal } from '../terminal/stop-signal.ts';
import { chosenHome, dataFolder, type OwnerOptions, openContext, withOwnerOptions } from './context.ts';

const STATE_MS_MAX = 10_000;

export function addWatch(program: Command): void {
  withOwnerOptions(program.command('watch'))
    .description('show the device’s messages, until Ctrl-C')
    .option('--once', 'print its state and end')
    .addHelpText('after', '\nExamples:\n  $ doorsill watch\n  $ doorsill watch --once --json')
    .action(async (options: OwnerOptions & { once?: boolean }, command: Command) => {
      const context = openContext(command);
      const { output, clock } = context;
      const signal = stopSignal();
      const home = await chosenHome(context, options);
      if (!options.owner) await context.around.expectRunning(context.disk, dataFolder(options.data));
      const session = new OwnerSession(home, context);
      const print = (kind: string, value: object, text: string) =>
        output.result({ [kind]: value }, `${printTimeOfDay(clock.wallUs())}  ${text}`);
      try {
        const pick = (found: (state: DeviceState) => void): OwnerListeners => ({ state: found });
        const first = session.waitFor<DeviceState>(
          "the device's state",
          STATE_MS_MAX,
          pick,
          () => session.start(),
          signal,
        );
        output.result({ state: await first }, showState(await first));
        if (options.once) return;
        session.listen({
          status: (status) => print('status', { status }, `device ${status}`),
          state: (state) => output.json && output.result({ state }, ''),
          event: (event) => print('event', event, event.type),
          notice: (notice) => print('request', notice.request, showNotice(notice).join('\n          ')),
          sighting: (seen) =>
            print(
              'sighting',
              { search: seen.request.jti, sighted: seen.sighted },
              showSighting(seen).join('\n          '),
            ),
          receipt: (receipt) => print('receipt', receipt, showReceipt(receipt)),
          upload: (progress) => print('upload', progress, showUpload(progress).trim()),
        });
        await aborted(signal);
      } finally {
        await session.stop();
      }
    });
}

function showReceipt(receipt: Receipt): string {
  const answer = recallAnswerOf(receipt);
  const vaultAnswer = answer
    ? `the vault answers ${answer.decision}${answer.reason ? `: ${oneLine(answer.reason)}` : ''}`
    : '';
  return [receipt.outcome, receipt.code, receipt.request, vaultAnswer].filter(Boolean).join(' ');
}

function showState(state: DeviceState): string {
  const { ring, camera } = state;
  return [
    `${state.name} (${state.device})`,
    `  camera    ${camera.source}: ${camera.state}${camera.detail ? ` (${camera.detail})` : ''}${state.privacy ? ', privacy on' : ''}`,
    `  ring      ${printBytes(ring.bytes)} of ${printBytes(ring.bytesMax)} (${ring.kind}), ${ring.segments} segments, ${ring.damaged} damaged`,
    ...ring.coverage.slice(-5).map((span) => `  footage   ${showWindow(span)}`),
    ...(state.hardware ?? []).map(({ part, name, detail }) => `  ${part.padEnd(9)} ${name}: ${detail}`),
    `  storage   ${state.storage.state}${state.storage.detail ? `: ${state.storage.detail}` : ''}`,
    `  clock     ${state.clockTrusted ? 'trusted' : 'not trusted: nothing is granted'}`,
    ...(state.simulatedFaults ?? []).map((fault) => `  fault     ${oneLine(fault)}, simulated`),
    `  bridge    ${state.bridge ?? 'not enrolled'}, area link ${state.area}${state.areaDetail ? `: ${state.areaDetail}` : ''}`,
    ...(state.dropped === undefined
      ? []
      : [`  dropped   ${state.dropped} messages, because the broker was unreachable for too long`]),
    `  pets      ${state.searchParty ? 'takes part in Search Party' : 'takes no part in Search Party'}`,
    `  requests  ${state.requests.map((each) => `${each.request} ${each.state}`).join(', ') || 'none'}`,
    `  refused   ${
      Object.entries(state.refused)
        .map(([code, count]) => `${code} ${count}`)
        .join(', ') || 'none'
    }`,
    `  ledger    ${state.ledger.entries} entries, head ${state.ledger.hash.slice(0, 16)}`,
  ].join('\n');
}
