// A recording's folder, readable only by this user: plain footage, the scenario, the events.
import { open, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import { type Disk, isNoSpace } from '@doorsill/base/disk';
import { utf8 } from '@doorsill/contract/bytes';
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { makeKeptFolder } from '../replay/replay-folder.ts';
import type { Recording } from './record-camera.ts';
import {
  type ExpectedAgain,
  expectedAgain,
  pressesIn,
  type RecordedScenario,
  scenarioText,
} from './recorded-scenario.ts';
import { type FootageTerms, type WrittenFootage, withoutLastFragment, writeFootage } from './write-footage.ts';

export interface KeptRecording {
  window: Window;
  /** False if the disk was full before everything was written. */
  isWhole: boolean;
  files: readonly string[];
  bytes: number;
  expected: readonly ExpectedAgain[];
  leftOut: readonly ExpectedAgain[];
}

const EVENTS_FILE = 'events.jsonl';
const SCENARIO_FILE = 'scenario.yaml';

export class RecordFolder {
  readonly path: string;
  private readonly disk: Disk;
  private readonly isOurs: boolean;
  private scenario: RecordedScenario | null = null;
  private isWhole = true;

  private constructor(path: string, disk: Disk, isOurs: boolean) {
    this.path = path;
    this.disk = disk;
    this.isOurs = isOurs;
  }

  /** Creates and claims the folder. Throws `replay_folder_taken`, `replay_folder_paired`, and disk errors. */
  static async make(word: string, disk: Disk): Promise<RecordFolder> {
    const wasThere = await stat(word).then(
      () => true,
      () => false,
    );
    const path = await makeKeptFolder(word, disk);
    const handle = await open(join(path, EVENTS_FILE), 'wx', 0o600);
    await handle.close();
    return new RecordFolder(path, disk, !wasThere);
  }

  /**
   * Writes footage, scenario and events. On a full disk it keeps the footage that fits, and `isWhole` is false. Throws errors of ffmpeg and
   * of the disk, and `disk_full` if nothing fits.
   */
  async keep(recording: Recording, terms: FootageTerms, deps: { ffmpeg: Ffmpeg; clock: Clock }): Promise<void> {
    const { session, window, events } = recording;
    let { written, isWhole } = await writeFootage(session, window, this.path, terms, deps);
    for (;;) {
      try {
        await this.describe(written, isWhole ? window : { ...window, endUs: window.startUs }, events, terms);
        this.isWhole = isWhole;
        return;
      } catch (thrown) {
        if (!isNoSpace(thrown)) throw thrown;
        isWhole = false;
        written = await withoutLastFragment(this.path, written);
      }
    }
  }

  /** Writes events and scenario. Events after `recorded` and after the footage are left out. */
  private async describe(
    footage: readonly WrittenFootage[],
    recorded: Window,
    events: readonly DeviceEvent[],
    { audio, zones }: FootageTerms,
  ): Promise<void> {
    const startUs = footage[0]?.window.startUs ?? recorded.startUs;
    const written = { startUs, endUs: Math.max(recorded.endUs, ...footage.map(({ window }) => window.endUs)) };
    const lines = events.map((event) => `${JSON.stringify(eventRecord(event, startUs))}\n`);
    await this.disk.replaceFile(join(this.path, EVENTS_FILE), utf8(lines.join('')));
    this.scenario = {
      startUs,
      footage,
      presses: pressesIn(events, written),
      expected: expectedAgain(events, written),
      leftOut: [],
      hasSound: audio,
      zones,
    };
    await this.writeScenario();
  }

  /** The expectations by their lines in the scenario. */
  get lines(): ReadonlyMap<number, ExpectedAgain> {
    return this.scenario ? scenarioText(this.scenario).lines : new Map();
  }

  /** Removes expectations from the scenario that the replay did not meet. */
  async leaveOut(missed: readonly ExpectedAgain[]): Promise<void> {
    if (!this.scenario || missed.length === 0) return;
    const expected = this.scenario.expected.filter((event) => !missed.includes(event));
    this.scenario = { ...this.scenario, expected, leftOut: missed };
    await this.writeScenario();
  }

  /** The written files; null before `keep`. */
  get kept(): KeptRecording | null {
    if (!this.scenario) return null;
    const { startUs, footage, expected, leftOut } = this.scenario;
    const endUs = Math.max(startUs, ...footage.map(({ window }) => window.endUs));
    const files = [...footage.map(({ file }) => file), SCENARIO_FILE, EVENTS_FILE];
    const bytes = footage.reduce((sum, file) => sum + file.bytes, 0);
    return { window: { startUs, endUs }, isWhole: this.isWhole, files, bytes, expected, leftOut };
  }

  /** Removes everything that was written, and the folder if this recording created it. */
  async drop(): Promise<void> {
    const names = (await this.disk.list(this.path)).filter((name) =>
      /^(footage(-\d+)?\.mp4|events\.jsonl|scenario\.yaml)$/.test(name),
    );
    for (const name of names) await rm(join(this.path, name), { force: true });
    if (this.isOurs) await rmdir(this.path).catch(() => undefined);
  }

  private async writeScenario(): Promise<void> {
    if (!this.scenario) return;
    const { text } = scenarioText(this.scenario);
    await this.disk.replaceFile(join(this.path, SCENARIO_FILE), utf8(text));
  }
}

/** An event with its time in seconds since the first picture, without the id of the throwaway doorbell. */
function eventRecord(event: DeviceEvent, startUs: number): object {
  const { id: _id, device: _device, type, ...more } = event;
  return { event: type, atS: Math.round((event.atUs - startUs) / 1_000) / 1_000, ...more };
}
