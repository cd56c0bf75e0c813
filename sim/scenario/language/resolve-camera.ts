// Resolves a scenario's cameras to sources: files in the scenario's folder, the synthetic camera (a drawn porch), or none. Real cameras
// are refused.
import type { z } from 'zod';
import { parseSyntheticSource } from '../../porch/porch-camera.ts';
import { type Located, valueAt } from './located.ts';
import { asProblem, problemAt, shown } from './mistakes.ts';
import type { CameraCut, CameraPart } from './scenario.ts';
import type { ScenarioFolder } from './scenario-folder.ts';
import type { cameraSchema } from './written-scenario.ts';

type WrittenCamera = z.output<typeof cameraSchema>;
type WrittenPart = Exclude<WrittenCamera, readonly unknown[]>;
type WrittenCut = Exclude<WrittenPart, string>;

/** The parts that a camera plays, in order. `node`: where it is written, for messages. Throws a ScenarioProblem. */
export function resolveCamera(written: WrittenCamera, node: Located, folder: ScenarioFolder): CameraPart[] {
  if (!Array.isArray(written)) return resolvePart(written, node, folder);
  const items = node.kind === 'list' ? node.items : [];
  const parts = written.flatMap((part, at) => resolvePart(part, items[at] ?? node, folder));
  if (parts.length > 1 && parts.some(({ kind }) => kind === 'none')) {
    throw problemAt('scenario_value_refused', node, '`none` must be the only part of a camera');
  }
  const endless = parts.findIndex((part) => isEndless(part));
  if (endless !== -1 && endless < parts.length - 1) {
    const place = items[endless] ?? node;
    throw problemAt('scenario_value_refused', place, 'this part never ends, so no other can follow it');
  }
  return parts;
}

/** Whether a part never ends. The synthetic camera ends only at a `to` or after its `seconds`. */
export function isEndless(part: CameraPart): boolean {
  if (part.kind === 'none') return false;
  if (part.loop === 'forever') return true;
  return part.kind === 'synthetic' && part.toUs === undefined && !/[?&]seconds=\d/.test(part.source);
}

function resolvePart(written: WrittenPart, node: Located, folder: ScenarioFolder): CameraPart[] {
  if (typeof written === 'string') return [resolveSource(written, node, folder, { fromUs: 0, loop: 1 }, {})];
  const cut = cutOf(written, node);
  const named = valueAt(node, 'files') ?? node;
  const sound =
    written.sound === undefined ? {} : { sound: folder.fileAt(valueAt(node, 'sound') ?? node, written.sound) };
  const more = { ...sound, ...(written.fps === undefined ? {} : { fps: written.fps }) };
  if (typeof written.files === 'string') return [resolveSource(written.files, named, folder, cut, more)];
  const texts = written.files;
  if (texts.length > 1 && (written.loop !== undefined || written.at !== undefined || written.sound !== undefined)) {
    throw problemAt(
      'scenario_value_refused',
      node,
      'loop, at and sound apply to one source; write each source as a part of its own',
    );
  }
  const places = named.kind === 'list' ? named.items : [];
  return texts.map((text, at) => resolveSource(text, places[at] ?? named, folder, cut, more));
}

function cutOf(written: WrittenCut, node: Located): CameraCut {
  const fromUs = written.from ?? 0;
  if (written.to !== undefined && written.to <= fromUs) {
    throw problemAt('scenario_value_refused', valueAt(node, 'to') ?? node, 'a part of a source ends after it begins');
  }
  return {
    fromUs,
    ...(written.to === undefined ? {} : { toUs: written.to }),
    loop: written.loop === true ? 'forever' : (written.loop ?? 1),
    ...(written.at === undefined ? {} : { atUs: written.at }),
  };
}

/** Options of files that the synthetic camera does not take. */
type More = { sound?: string; fps?: number };

function resolveSource(text: string, place: Located, folder: ScenarioFolder, cut: CameraCut, more: More): CameraPart {
  if (text === 'none') {
    if (isCut(cut, more)) throw notForThis(place, '`none` takes no options');
    return { kind: 'none' };
  }
  if (/^synthetic(\?|$)/.test(text)) {
    try {
      parseSyntheticSource(text, { pace: 'own' });
    } catch (thrown) {
      throw asProblem(place, thrown);
    }
    if (Object.keys(more).length > 0)
      throw notForThis(place, 'the drawn porch has its own sound and rate; it takes them as synthetic?...');
    return { kind: 'synthetic', source: text, ...cut };
  }
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'file') {
    const detail = `${shown(scheme)}: is not a file, and a scenario cannot open a real camera. Record it first: doorsill record`;
    throw problemAt('scenario_outside', place, detail);
  }
  const path = scheme === undefined ? text : text.slice('file:'.length);
  return { kind: 'files', files: folder.filesAt(place, path), ...more, ...cut };
}

function isCut({ fromUs, toUs, loop, atUs }: CameraCut, more: More): boolean {
  return fromUs !== 0 || toUs !== undefined || loop !== 1 || atUs !== undefined || Object.keys(more).length > 0;
}

function notForThis(place: Located, detail: string) {
  return problemAt('scenario_value_refused', place, detail);
}
