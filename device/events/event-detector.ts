// Turns presses and gray frames into events: presses, motion, and event windows.

import type { Clock, Timer } from '@doorsill/base/clock';
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
import {
  checkEventWindows,
  EVENT_WINDOW_DEFAULTS,
  type EventWindow,
  type EventWindowInput,
  type EventWindowSettings,
  eventWindowDueUs,
  NO_EVENT_WINDOW,
  nextEventWindow,
} from './event-window-machine.ts';

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
  /** For a source that reports motion itself: since when something moves; null while nothing does. */
  private sceneMovesSinceUs: number | null = null;

  constructor({ clock, settings }: EventDetectorDeps) {
    this.clock = clock;
    const rolls = { preRollUs: settings.preRollS * 1_000_000, postRollUs: settings.postRollS * 1_000_000 };
    const finished = (window: EventWindow) => this.emit({ type: 'event-window', ...window }, clock.wallUs());
    this.windows = new EventWindows(clock, finished, rolls);
    const { enabled, sensitivity, zones } = settings.motion;
    this.motion = enabled ? new MotionWatch({ sensitivity, zones }, (effect) => this.moved(effect)) : null;
  }

  /** Changes the motion settings from the next picture on; does nothing if motion detection is off. */
  setMotionSettings(settings: MotionSettings): void {
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

  /** Calls `listener` with each press, after all listeners of events. */
  onPress(listener: PressListener): void {
    this.pressListeners.push(listener);
  }

  /** Takes a press of a button, real or virtual. */
  pressed(press: Press): void {
    const { button, source, atUs } = press;
    this.emit({ type: 'ring', button, source }, atUs);
    this.windows.happened('press', atUs);
    for (const listener of this.pressListeners) listener(press);
  }

  /** Takes the camera's next gray picture. */
  grayFrame(frame: GrayFrame): void {
    this.motion?.frame(frame);
  }

  /**
   * Takes a report of a source that knows itself whether something moves. Ignored if motion detection is off; zones do not apply, because
   * such a source does not report where.
   */
  sceneMotion({ moves, atUs }: SceneMotion): void {
    const startUs = this.sceneMovesSinceUs;
    if (!this.motion || moves === (startUs !== null)) return;
    this.sceneMovesSinceUs = moves ? atUs : null;
    this.moved(
      startUs === null ? { type: 'motion-start', atUs, zones: [] } : { type: 'motion-end', startUs, atUs, zones: [] },
    );
  }

  /** Ends ongoing motion when the camera stops. */
  cameraStopped(): void {
    const atUs = this.clock.wallUs();
    this.motion?.stopped(atUs);
    this.sceneMotion({ moves: false, atUs });
  }

  private moved(effect: MotionEffect): void {
    const { atUs, ...event } = effect;
    this.emit(event, atUs);
    this.windows.happened(effect.type, atUs);
  }

  private emit(event: DeviceEventBody, atUs: number): void {
    for (const listener of this.eventListeners) listener(event, atUs);
  }
}

/** Watches one camera for motion. */
export class MotionWatch {
  private readonly emit: (event: MotionEffect) => void;
  private settings: MotionSettings;
  /** Null before the first picture, to save memory: a source that reports motion itself has no pictures. */
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

  /** Changes the settings: ongoing motion ends, the learnt scene stays. */
  change(settings: MotionSettings): void {
    this.settings = settings;
    if (!this.state) return;
    const { state, effects } = changeMotion(this.state, settings);
    this.state = state;
    for (const effect of effects) this.emit(effect);
  }

  /** Notes that no more pictures come: ongoing motion ends, and the scene is learnt again with the next pictures. */
  stopped(atUs: number): void {
    if (this.state) this.step({ type: 'stopped', atUs });
  }

  private step(input: MotionInput): void {
    const { state, effects } = nextMotion(this.state ?? initialMotion(this.settings), input);
    this.state = state;
    for (const effect of effects) this.emit(effect);
  }
}

/** Runs the event-window machine on a clock. */
export class EventWindows {
  private readonly clock: Clock;
  private readonly settings: EventWindowSettings;
  private readonly finished: (event: EventWindow) => void;
  private state = NO_EVENT_WINDOW;
  private timer: Timer | null = null;
  private running = false;

  /** `finished` is called with each window once its post-roll has passed. */
  constructor(clock: Clock, finished: (event: EventWindow) => void, settings: Partial<EventWindowSettings> = {}) {
    this.clock = clock;
    this.finished = finished;
    this.settings = { ...EVENT_WINDOW_DEFAULTS, ...settings };
  }

  start(): void {
    checkEventWindows(this.settings);
    this.running = true;
  }

  /** Takes a press or motion; ignored while stopped. `atUs` is wall time. */
  happened(type: Exclude<EventWindowInput['type'], 'time'>, atUs: number): void {
    if (this.running) this.step({ type, atUs });
  }

  /** Drops a window that is still open; its footage is in the ring. */
  stop(): void {
    this.running = false;
    this.timer?.cancel();
    this.timer = null;
    this.state = NO_EVENT_WINDOW;
  }

  private step(input: EventWindowInput): void {
    const { state, finished } = nextEventWindow(this.settings, this.state, input);
    this.state = state;
    this.arm();
    for (const event of finished) this.finished(event);
  }

  private arm(): void {
    this.timer?.cancel();
    const dueUs = eventWindowDueUs(this.settings, this.state);
    const delayMs = dueUs === null ? null : Math.max(1, Math.ceil((dueUs - this.clock.wallUs()) / 1000));
    this.timer =
      delayMs === null ? null : this.clock.after(delayMs, () => this.step({ type: 'time', atUs: this.clock.wallUs() }));
  }
}
