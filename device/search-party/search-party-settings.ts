// The settings of Search Party.
import { z } from 'zod';

export const searchPartySchema = z.strictObject({
  /** Applies until an owner's first order, `doorsill search-party on` or `off`. */
  enabled: z.boolean().default(false),
  /** Absolute path of a detector in ONNX form (YOLOX). Absent: likeness by colour and size. */
  model: z.string().min(1).max(1_000).startsWith('/', 'an absolute path').optional(),
});
