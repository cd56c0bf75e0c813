// Owns: the record of who was shown which clip and why. Not here: how it is stored (database/).

/** One reading. */
export interface Access {
  atUs: number;
  agency: string;
  clip: string;
  part: 'clip' | 'manifest' | 'list';
  reason: string;
  token: string;
}

export interface AccessLog {
  /** Durable when it resolves: nothing is shown before. */
  add(access: Access): Promise<void>;
  /** Newest first. */
  ofClip(clip: string, most: number): Promise<Access[]>;
}
