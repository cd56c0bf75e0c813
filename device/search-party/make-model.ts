// Owns: choosing the model of likeness that the settings name. Not here: the models.
import type { Log } from '../base/log.ts';
import { ColourAndSize } from './colour-and-size.ts';
import type { LikenessModel } from './likeness.ts';
import { Yolox } from './yolox.ts';

/** The model, not started: what is built in, or a detector in the file `model`. */
export function makeModel({ model }: { model?: string | undefined }, log: Log): LikenessModel {
  return model === undefined ? new ColourAndSize() : new Yolox(model, log);
}
