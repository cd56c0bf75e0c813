// Owns: what a vocabulary of a synthetic export consists of. Not here: the words (vocabulary-*.ts), who says them (cast.ts).

/** By what names vocabularies are asked for; the words are loaded with what writes an export. */
export const VOCABULARY_NAMES = ['held-out', 'training'] as const;
export type VocabularyName = (typeof VOCABULARY_NAMES)[number];

/** The ways in which an agency misuses searches and says so. */
export const MISUSE_KINDS = [
  'immigration',
  'protest',
  'reproductive',
  'religion',
  'press',
  'custody',
  'personal',
] as const;
export type MisuseKind = (typeof MISUSE_KINDS)[number];

/**
 * Texts as officers type them. Places in braces are filled in: {street}, {name} (a surname), {case}, {town}, {county},
 * {plate}. Texts are fiction; names belong to nobody.
 */
export interface Vocabulary {
  /** What honest work says of itself. */
  honest: readonly string[];
  /** Honest, but says next to nothing. */
  vague: readonly string[];
  /** Honest, with words that sound like a misuse. */
  nearMisses: readonly string[];
  /** Misuse that says what it is. */
  open: Readonly<Record<MisuseKind, readonly string[]>>;
  /** What those type who search for somebody they don't name, or for a purpose that they don't. */
  proxied: readonly string[];
  /** Entries of the offence drop-down that honest work chooses. */
  offenses: readonly string[];
  /** The entry of the offence drop-down that open immigration searches sometimes choose. */
  openOffense: string;
  /** Descriptions for text searches of vehicles. */
  prompts: readonly string[];
  streets: readonly string[];
  surnames: readonly string[];
  towns: readonly string[];
  counties: readonly string[];
}
