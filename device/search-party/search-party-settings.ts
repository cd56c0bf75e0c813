// Owns: what a home sets of Search Party: off unless its owner turns it on. Not here: the owner's order (consent/), which wins.
import { z } from 'zod';

export const searchPartySchema = z.strictObject({
  /** Until an owner says otherwise with `doorsill search-party on` or `off`. */
  enabled: z.boolean().default(false),
  /** A detector in ONNX form (YOLOX), by absolute path. None: likeness by colour and size, which needs none. */
  model: z.string().min(1).max(1_000).startsWith('/', 'an absolute path').optional(),
});
