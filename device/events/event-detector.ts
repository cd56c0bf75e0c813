// Owns: what happens at the door: presses of the button, motion before the camera, and the event windows both make.
// Not here: publishing events (status-publisher.ts), decisions.

import type { Clock } from '@doorsill/base/clock';
import type { DeviceEventBody } from '@doorsill/contract/home-messages';
import type { z } from 'zod';
import type { GrayFrame } from '../camera/capture.ts';
import type { SceneMotion } from '../camera/source-interfaces.ts';
import type { Press } from '../hardware/button.ts';
import {
  changeMotion,
  initialMotion,
  type MotionEffect,
  type MotionInput,
  type MotionSettings,
  nextMotion,
} from '../motion/detector.ts';
import type { motionSchema } from '../motion/motion-settings.ts';
import type { EventWindow } from './event-window-machine.ts';
import { EventWindows } from './event-windows.ts';

export interface EventDetectorDeps {
  clock: Clock;
  settings: { motion: z.output<typeof motionSchema>; preRollS: number; postRollS: number };
}

/** `atUs`: wall time in microseconds. */
type EventListener = (event: DeviceEventBody, atUs: number) => void;
type PressListener = (press: Press) => void;

export class EventDetector {
  private readonly clock: Clock;
  private readonly eventListeners: EventListener[] = [];
  private readonly pressListeners: PressListener[] = [];
  private readonly windows: EventWindows;
  private readonly motion: MotionWatch | null;
  /** Since when something moves before a camera that knows it by itself; null while nothing does. */
  private sceneMovesSinceUs: number | null = null;

  constructor({ clock, settings }: EventDetectorDeps) {
    this.clock = clock;
    const rolls = { preRollUs: settings.preRollS * 1_000_000, postRollUs: settings.postRollS * 1_000_000 };
    const finished = (window: EventWindow) => this.tell({ type: 'event-window', ...window }, clock.wallUs());
    this.windows = new EventWindows(clock, finished, rolls);
    const { enabled, sensitivity, zones } = settings.motion;
    this.motion = enabled ? new MotionWatch({ sensitivity, zones }, (effect) => this.moved(effect)) : null;
  }

  /** Looks for motion in another way from the next picture on; does nothing where the settings look for none. */
  lookBy(settings: MotionSettings): void {
    this.motion?.change(settings);
  }

  start(): void {
    this.windows.start();
  }

  stop(): void {
    this.windows.stop();
  }

  /** Calls `listener` with each event at once, in the order in which listeners were added. */
  onEvent(listener: EventListener): void {
    this.eventListeners.push(listener);
  }

  /** Calls `listener` with each press, once all listeners to events have heard of it. */
  onPress(listener: PressListener): void {
    this.pressListeners.push(listener);
  }

  /** Somebody pressed a button, real or virtual. */
  pressed(press: Press): void {
    const { button, source, atUs } = press;
    this.tell({ type: 'ring', button, source }, atUs);
    this.windows.happened('press', atUs);
    for (const listener of this.pressListeners) listener(press);
  }

  /** The camera's next small picture. */
  seen(frame: GrayFrame): void {
    this.motion?.frame(frame);
  }

  /**
   * A camera that knows it by itself says that something begins to move, or has stopped. It counts where the settings look for motion,
   * whatever their zones are: such a camera does not say where.
   */
  sceneMotion({ moves, atUs }: SceneMotion): void {
    const startUs = this.sceneMovesSinceUs;
    if (!this.motion || moves === (startUs !== null)) return;
    this.sceneMovesSinceUs = moves ? atUs : null;
    this.moved(
      startUs === null ? { type: 'motion-start', atUs, zones: [] } : { type: 'motion-end', startUs, atUs, zones: [] },
    );
  }

  /** No more pictures for now. */
  unseen(): void {
    const atUs = this.clock.wallUs();
    this.motion?.stopped(atUs);
    this.sceneMotion({ moves: false, atUs });
  }

  private moved(effect: MotionEffect): void {
    const { atUs, ...event } = effect;
    this.tell(event, atUs);
    this.windows.happened(effect.type, atUs);
  }

  private tell(event: DeviceEventBody, atUs: number): void {
    for (const listener of this.eventListeners) listener(event, atUs);
  }
}

/** Watches one camera for motion. */
export class MotionWatch {
  private readonly emit: (event: MotionEffect) => void;
  private settings: MotionSettings;
  /** Null before the first picture: a camera that knows by itself when something moves never gives one, and a learnt scene takes memory. */
  private state: ReturnType<typeof initialMotion> | null = null;

  /** `emit` is called with each start and end, inside `frame` and `stopped`. */
  constructor(settings: MotionSettings, emit: (event: MotionEffect) => void) {
    this.emit = emit;
    this.settings = settings;
  }

  /** Takes the next picture: PICTURE_WIDTH x PICTURE_HEIGHT gray bytes, not kept; `atUs` is wall time. */
  frame(picture: { pixels: Uint8Array; atUs: number }): void {
    this.step({ type: 'frame', pixels: picture.pixels, atUs: picture.atUs });
  }

  /** Goes on with other settings: what moves now ends, and the scene that was learnt stays. */
  change(settings: MotionSettings): void {
    this.settings = settings;
    if (!this.state) return;
    const { state, effects } = changeMotion(this.state, settings);
    this.state = state;
    for (const effect of effects) this.emit(effect);
  }

  /** No more pictures for now: ongoing motion ends, and the scene is learnt again with the next pictures. */
  stopped(atUs: number): void {
    if (this.state) this.step({ type: 'stopped', atUs });
  }

  private step(input: MotionInput): void {
    const { state, effects } = nextMotion(this.state ?? initialMotion(this.settings), input);
    this.state = state;
    for (const effect of effects) this.emit(effect);
  }
}
