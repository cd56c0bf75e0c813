// Performs a scenario's steps in order, each when it is due.
import { isFailure } from '../../errors.ts';
import type { Track } from '../../world/virtual-clock.ts';
import type { Step, StepEvent } from '../language/scenario.ts';
import { performStep } from './perform-step.ts';
import type { HomeMessage, ScenarioHome } from './scenario-home.ts';
import type { ScenarioWorld } from './scenario-world.ts';
import { isStored } from './stored-clips.ts';

export interface StepDone {
  step: Step;
  atUs: number;
  text: string;
  /** The code it was refused with; null if it was carried out. */
  code: string | null;
  detail?: string;
}

const STORED_LOOK_MS = 200;

export class StepTimes {
  readonly done: StepDone[] = [];
  private readonly world: ScenarioWorld;
  private track: Track;
  /** How many messages each home had sent when the last step began: a step can wait for those that follow. */
  private readonly messagesBefore = new Map<ScenarioHome, number>();
  private lastUs = 0;

  /** From now on the world's time waits for the first step. */
  constructor(world: ScenarioWorld) {
    this.world = world;
    this.track = world.clock.open();
  }

  /** Performs all steps. Throws errors other than refusals. */
  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await this.until(step);
      this.track.end();
      for (const home of this.world.homes) this.messagesBefore.set(home, home.messages.length);
      this.done.push(await this.perform(step));
      this.track = this.world.clock.open();
      this.lastUs = this.world.clock.passedUs;
    }
    this.track.end();
  }

  private async perform(step: Step): Promise<StepDone> {
    const atUs = this.world.clock.passedUs;
    try {
      return { step, atUs, text: await performStep(this.world, step), code: null };
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      return {
        step,
        atUs,
        text: `${step.verb}${step.id ? ` ${step.id}` : ''}`,
        code: thrown.code,
        detail: thrown.message,
      };
    }
  }

  private async until(step: Step): Promise<void> {
    const { when } = step;
    if ('next' in when) return;
    if ('atUs' in when) return this.track.reach(when.atUs);
    const fromUs = 'step' in when.after ? this.doneUs(when.after.step) : await this.happened(step, when.after.event);
    await this.track.reach(fromUs + when.plusUs);
  }

  private doneUs(id: string): number {
    return this.done.find(({ step }) => step.id === id)?.atUs ?? this.lastUs;
  }

  /** When the next such event since the step before happened; time advances until then, and then stops. */
  private happened(step: Step, event: StepEvent): Promise<number> {
    const home = this.world.home(step.doorbell);
    const before = home.messages.slice(this.messagesBefore.get(home) ?? 0).find((message) => isKind(message, event));
    if (before) return Promise.resolve(before.publishedUs);
    this.track.end();
    return new Promise((resolve) => {
      const reached = () => {
        stop();
        this.track = this.world.clock.open();
        resolve(this.world.clock.passedUs);
      };
      let stop = home.onMessage((message) => {
        if (isKind(message, event)) reached();
      });
      if (event !== 'stored') return;
      stop();
      let isOver = false;
      stop = () => {
        isOver = true;
      };
      const look = async (): Promise<void> => {
        if (isOver) return;
        if (await this.world.clock.holding(() => isStored(this.world, home))) return reached();
        this.world.clock.after(STORED_LOOK_MS, () => void look());
      };
      void look();
    });
  }
}

/** Whether a message is the event that a step waits for. */
function isKind(message: HomeMessage, event: StepEvent): boolean {
  if (message.kind === 'event') {
    const { event: noticed } = message;
    if (event === 'camera-ended') return noticed.type === 'camera' && ['ended', 'failed'].includes(noticed.state);
    return noticed.type === event;
  }
  if (message.kind === 'receipt') return message.receipt.outcome === event;
  return event === 'request';
}
