// Runs one scenario in this process and makes its test report.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { SystemClock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { type Ffmpeg, findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { failure, isFailure } from '../../errors.ts';
import type { TestFailure, TestReport } from '../../report/run-report.ts';
import type { Expectation, Position, Scenario } from '../language/scenario.ts';
import { compareGolden, goldenText } from './golden.ts';
import { type Judgement, judgeExpectations } from './judge-expectations.ts';
import { type LogLine, RecordedLog } from './recorded-log.ts';
import { timelineOf } from './scenario-timeline.ts';
import { ScenarioWorld } from './scenario-world.ts';
import { type StepDone, StepTimes } from './step-times.ts';

export interface RunOptions {
  disk: Disk;
  /** Writes golden files instead of comparing them. */
  update: boolean;
  /** The command that repeats the scenario, for the report. */
  rerun: string;
}

export interface ScenarioRun {
  test: TestReport;
  log: readonly LogLine[];
  /** The golden text of this run. */
  happened: string;
}

/** Parts that take longer to end are taken for hanging. */
const STOP_MS_MAX = 30_000;
/** One encoder thread, so that every run has the same bytes. */
const ENCODER_THREADS = 1;
/** Time after footage and steps, in which event windows close and clips are cut and sent. */
const AFTER_MS = 12_000;
/** How long a step may wait for an event after the footage has ended, besides the times that steps give. */
const WAITING_MS_MAX = 10 * 60_000;

/** Runs a scenario. Throws only errors outside the scenario and the tested code: `ffmpeg_missing`, the signal's reason. */
export async function runScenario(scenario: Scenario, options: RunOptions, signal: AbortSignal): Promise<ScenarioRun> {
  const machine = new SystemClock();
  const startedMs = machine.monotonicMs();
  const ffmpeg = { ...(await findFfmpeg()), encoderThreads: ENCODER_THREADS };
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-scenario-'));
  const run = new Run(scenario, folder, { ...options, ffmpeg });
  try {
    const failures = await run.play(machine, signal);
    return run.result(failures, machine.monotonicMs() - startedMs);
  } finally {
    await stopWithin(machine, run);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Hanging parts are a fault of the tested code: they are reported, and this process must not be reused. Throws `timed_out`. */
async function stopWithin(machine: SystemClock, run: Run): Promise<void> {
  const patience = new AbortController();
  const late = machine.sleep(STOP_MS_MAX, patience.signal).then(() => {
    throw failure('timed_out', { what: 'the end of the parts of the scenario', seconds: STOP_MS_MAX / 1_000 });
  });
  late.catch(() => undefined);
  try {
    await Promise.race([run.stop(), late]);
  } finally {
    patience.abort();
  }
}

class Run {
  private readonly scenario: Scenario;
  private readonly options: RunOptions & { ffmpeg: Ffmpeg };
  private readonly log: RecordedLog;
  private readonly world: ScenarioWorld;
  private readonly steps: StepTimes;
  private judgement: Judgement = { verdicts: [], matches: new Map() };
  private happened = '';
  private readonly notes: string[] = [];
  private starting: Promise<void> = Promise.resolve();
  private running: Promise<void> | null = null;
  private readonly errors: { thrown: unknown }[] = [];

  constructor(scenario: Scenario, folder: string, options: RunOptions & { ffmpeg: Ffmpeg }) {
    this.scenario = scenario;
    this.options = options;
    this.log = new RecordedLog(() => this.world.clock);
    this.world = new ScenarioWorld(scenario, folder, { ...options, log: this.log });
    this.steps = new StepTimes(this.world);
  }

  /** Plays and judges it; returns the failures. */
  async play(machine: SystemClock, signal: AbortSignal): Promise<TestFailure[]> {
    signal.throwIfAborted();
    const timeout = new AbortController();
    const timer = machine.after(this.scenario.timeoutMs, () => timeout.abort());
    const ended = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      const seconds = this.scenario.timeoutMs / 1_000;
      timeout.signal.addEventListener('abort', () => reject(failure('timed_out', { what: 'the scenario', seconds })));
    });
    ended.catch(() => undefined);
    try {
      return await Promise.race([this.playAll(), ended]);
    } catch (thrown) {
      if (signal.aborted || !isFailure(thrown)) throw thrown;
      return [this.failed(`${thrown.message} [${thrown.code}]`, this.scenario.position, thrown.advice)];
    } finally {
      timer.cancel();
      this.happened = goldenText(this.world, this.steps.done);
    }
  }

  private async playAll(): Promise<TestFailure[]> {
    const { clock } = this.world;
    await clock.holding(async () => {
      this.running = clock.run().catch((thrown: unknown) => void this.errors.push({ thrown }));
      this.starting = this.world.start();
      await this.starting;
    });
    const stepped = this.steps.run(this.scenario.steps).then(() => true);
    await this.untilEnd(stepped);
    const [broken] = this.errors;
    if (broken) throw broken.thrown;
    const steps = this.steps.done;
    return clock.holding(async () => {
      this.judgement = await judgeExpectations(this.world, this.scenario.expect, {
        steps,
        log: this.log.lines,
        ffmpeg: this.options.ffmpeg,
      });
      return [...this.stepFailures(steps), ...this.expectationFailures(), ...(await this.goldenFailures())];
    });
  }

  /** Waits until the given time, or until footage, steps and their consequences have ended. */
  private async untilEnd(stepped: Promise<boolean>): Promise<void> {
    const { clock, homes } = this.world;
    const { forUs } = this.scenario;
    if (forUs !== undefined) {
      await Promise.race([clock.sleep(forUs / 1_000), neverFulfilled(stepped)]);
      return;
    }
    const ending = homes.map(({ doorbell }) => doorbell.camera).filter(({ isEndless }) => !isEndless);
    const over = ending.map((camera) => Promise.race([camera.over, this.leftOff(camera, stepped)]));
    await Promise.race([Promise.all(over), neverFulfilled(stepped)]);
    await Promise.race([stepped, clock.sleep(this.givenMs + WAITING_MS_MAX)]);
    await clock.sleep(AFTER_MS);
  }

  /** Resolves if the steps leave a camera off whose footage has unknown length: there is nothing to wait for then. */
  private async leftOff(camera: { isOffForUnknownTime: boolean }, stepped: Promise<boolean>): Promise<void> {
    await stepped;
    // Owners get their receipts before the parts close.
    await this.world.clock.sleep(AFTER_MS);
    if (!camera.isOffForUnknownTime) await new Promise<never>(() => undefined);
  }

  /** The sum of the times that steps give. */
  private get givenMs(): number {
    const given = this.scenario.steps.map((step) => {
      const { when } = step;
      const startUs = 'atUs' in when ? when.atUs : 'plusUs' in when ? when.plusUs : 0;
      return startUs + (step.verb === 'wait' || step.verb === 'power-cut' ? step.forUs : 0);
    });
    return given.reduce((sum, us) => sum + us, 0) / 1_000;
  }

  async stop(): Promise<void> {
    // Only started parts can be stopped.
    await this.starting.catch(() => undefined);
    await this.world.stop();
    this.world.clock.stop();
    await this.running;
  }

  result(failures: TestFailure[], durationMs: number): ScenarioRun {
    const { scenario } = this;
    const { file, line } = scenario.position;
    const [match] = this.judgement.matches.values();
    const isVariant = Object.keys(scenario.variant).length > 0;
    const test: TestReport = {
      name: scenario.name,
      file,
      line,
      ...(isVariant ? { variant: scenario.variant } : {}),
      status: failures.length > 0 ? 'failed' : 'passed',
      durationMs,
      attempts: 1,
      rerun: this.options.rerun,
      failures,
      notes: this.notes,
      timeline: timelineOf(this.world, this.steps.done, this.judgement.matches),
      ...(match ? { score: scoreOf(match) } : {}),
    };
    return { test, log: this.log.lines, happened: this.happened };
  }

  /** Steps whose refusal was unexpected or missing, and those that never became due. */
  private stepFailures(done: readonly StepDone[]): TestFailure[] {
    const { steps } = this.scenario;
    const judged = new Set(
      this.scenario.expect.flatMap((one) => (one.kind === 'error' && one.step !== undefined ? [one.step] : [])),
    );
    const wrong = done.flatMap(({ step, code, text, detail }) => {
      const wanted = step.fails ?? null;
      if (code === wanted || (wanted === null && step.id !== undefined && judged.has(step.id))) return [];
      const what = code === null ? `${text} was not refused` : `${text} was refused: ${detail ?? ''}`;
      return [this.failed(what, step.position, undefined, wanted ?? 'carried out', code ?? 'carried out')];
    });
    const [next] = steps.slice(done.length);
    const stuck = next ? [this.failed(`the step ${next.verb} never became due`, next.position)] : [];
    return [...wrong, ...stuck];
  }

  private expectationFailures(): TestFailure[] {
    return this.judgement.verdicts
      .filter(({ verdict }) => !verdict.isMet)
      .map(({ expectation, verdict }) =>
        this.failed(verdict.what, expectation.position, undefined, verdict.expected, verdict.actual),
      );
  }

  private async goldenFailures(): Promise<TestFailure[]> {
    const { disk, update } = this.options;
    const failures: TestFailure[] = [];
    const text = goldenText(this.world, this.steps.done);
    const golden = this.scenario.expect.filter(
      (one): one is Extract<Expectation, { kind: 'golden' }> => one.kind === 'golden',
    );
    for (const { file, position } of golden) {
      const diff = await compareGolden(disk, file, text, update);
      if (diff === null) continue;
      if (update) this.notes.push(`${relative(this.scenario.folder, file)} was updated.\n${diff}`);
      else failures.push({ ...this.failed('what happened is not what was kept', position, GOLDEN_ADVICE), diff });
    }
    return failures;
  }

  private failed(
    what: string,
    { file, line, column }: Position,
    advice?: string,
    expected?: string,
    actual?: string,
  ): TestFailure {
    return {
      what,
      at: { file, line, column },
      ...(advice === undefined ? {} : { advice }),
      ...(expected === undefined ? {} : { expected }),
      ...(actual === undefined ? {} : { actual }),
    };
  }
}

const GOLDEN_ADVICE = 'If this is as it should be now, run the same command with --update.';

/** Rejects when the promise does, and never resolves. */
function neverFulfilled(promise: Promise<unknown>): Promise<never> {
  return promise.then(() => new Promise<never>(() => undefined));
}

function scoreOf({ score }: NonNullable<ReturnType<Judgement['matches']['get']>>): TestReport['score'] {
  const { precision, recall, delay, matched, missed } = score;
  return {
    precision,
    recall,
    matched,
    missed,
    false: score.false,
    delayMs: delay && { median: delay.medianUs / 1_000, p90: delay.p90Us / 1_000 },
  };
}
