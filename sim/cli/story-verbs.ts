// Owns: the verbs that run everything on this machine: up, demo, story. Not here: the stories (story/).
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { failure, KeyboardButton } from '../../device/index.ts';
import { tellCommunityRequest } from '../story/community-request.ts';
import { runDemo } from '../story/demo.ts';
import { tellFederalRefused } from '../story/federal-refused.ts';
import { runLeakStory } from '../story/leak.ts';
import { tellPartnerEnded } from '../story/partner-ended.ts';
import { Up } from '../story/up.ts';
import { type Context, dataFolder, openContext } from './context.ts';
import { aborted, stopSignal } from './lifecycle.ts';
import { parseSeconds } from './moments.ts';

export function addUp(program: Command): void {
  program
    .command('up')
    .description('run broker, registry, bridge and one doorbell; an agency asks when somebody rings')
    .option('--data <dir>', 'where everything is kept (default: .doorsill here)')
    .option('--camera <source>', 'synthetic, file:PATH or rtsp://HOST/PATH (default: synthetic)')
    .option('--no-ask', 'no agency asks by itself')
    .addHelpText(
      'after',
      `
Examples:
  $ npx doorsill up
  $ npx doorsill up --camera file:porch.mp4 --data /tmp/porch
  $ npx doorsill up --camera rtsp://192.168.1.20/stream1

While it runs: b rings the bell, Ctrl-C ends it. The data stays and is found again.`,
    )
    .action(async (options: { data?: string; camera?: string; ask: boolean }, command: Command) => {
      const context = openContext(command);
      const signal = stopSignal();
      const up = new Up(
        {
          folder: dataFolder(options.data),
          agencyAsks: options.ask,
          hasTerminal: process.stdin.isTTY === true,
          logLevel: context.logLevel,
          ...(options.camera === undefined ? {} : { camera: options.camera }),
        },
        context,
      );
      const stopped = aborted(signal);
      const keyboard = new KeyboardButton({
        input: process.stdin,
        clock: context.clock,
        button: 'front',
        pressed: () => void up.ring().catch((thrown: Error) => context.output.progress(thrown.message)),
        interrupted: () => process.kill(process.pid, 'SIGINT'),
      });
      try {
        await Promise.race([up.start(), stopped]);
        if (!signal.aborted) {
          keyboard.start();
          await stopped;
        }
        context.output.progress('Stopping; the data stays.');
      } finally {
        keyboard.stop();
        await up.stop();
        process.stdin.destroy();
      }
    });
}

interface DemoOptions {
  camera: string;
  from: string;
  to: string;
  disclose?: string;
  audio: boolean;
  data?: string;
}

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('the whole story unattended: request, grant, exact clip at the bridge; ends with one JSON line')
    .option('--camera <source>', 'synthetic, file:PATH or rtsp://HOST/PATH', 'synthetic')
    .option('--from <s>', "start of the clip, in seconds on the source's own timeline", '1')
    .option('--to <s>', 'end of the clip, not included', '4')
    .option('--disclose <keys>', 'facts that go with the clip: name,address,email,phone (default: none)')
    .option('--no-audio', 'without sound')
    .option('--data <dir>', "where to keep it all (default: a new folder; a folder that isn't a demo's is refused)")
    .addHelpText(
      'after',
      `
Examples:
  $ npx doorsill demo
  $ npx doorsill demo --camera file:porch.mp4 --from 7.2 --to 15.5 --disclose address,email
  $ npx doorsill demo --camera rtsp://127.0.0.1:8554/porch --from 2 --to 6 --json`,
    )
    .action(async (options: DemoOptions, command: Command) => {
      const context = openContext(command);
      const window = { fromUs: parseSeconds(options.from, '--from'), toUs: parseSeconds(options.to, '--to') };
      if (window.fromUs >= window.toUs) throw failure('usage', { detail: '--to must be later than --from' });
      const result = await runDemo(
        {
          camera: options.camera,
          ...window,
          disclose: options.disclose ?? '',
          audio: options.audio,
          logLevel: context.logLevel,
          ...(options.data ? { folder: dataFolder(options.data) } : {}),
        },
        context,
        stopSignal(),
      );
      process.stdout.write(`${JSON.stringify(result)}\n`);
      process.stdin.destroy();
    });
}

/** Each told on its own. `media` is the leak's. */
const STORIES: Record<string, (context: Context, media: string | null, signal: AbortSignal) => Promise<void>> = {
  leak: (context, media, signal) => runLeakStory(context, media, signal),
  'community-request': (context, _media, signal) => tellCommunityRequest(context, signal),
  'partner-ended': (context, _media, signal) => tellPartnerEnded(context, signal),
  'federal-refused': (context, _media, signal) => tellFederalRefused(context, signal),
};

export function addStory(program: Command): void {
  program
    .command('story <name>')
    .description('a demonstration on its own, on a town of real processes that is gone afterwards')
    .option('--media <file>', 'leak: a video file to show it on (default: footage the project draws itself)')
    .addHelpText(
      'after',
      `
Stories:
  leak                the hidden frames of a usual cut beside our none
  community-request   asked, looked at by a person, published, answered, resolved
  partner-ended       a partnership that ends in the middle of a request
  federal-refused     federal agencies and their local branches at every door

Examples:
  $ npx doorsill story leak --media porch.mp4
  $ npx doorsill story community-request
  $ npx doorsill story partner-ended --json`,
    )
    .action(async (name: string, options: { media?: string }, command: Command) => {
      const context = openContext(command);
      const story = Object.hasOwn(STORIES, name) ? STORIES[name] : undefined;
      if (!story) {
        const names = Object.keys(STORIES).join(', ');
        throw failure('usage', { detail: `there is no story "${name}"; there are: ${names}` });
      }
      await story(context, options.media ? resolve(options.media) : null, stopSignal());
      process.stdin.destroy();
    });
}
