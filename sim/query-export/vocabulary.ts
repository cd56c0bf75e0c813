/** Names of the vocabularies. Their texts are loaded only to write an export. */
export const VOCABULARY_NAMES = ['held-out', 'training'] as const;
export type VocabularyName = (typeof VOCABULARY_NAMES)[number];

/** Kinds of open misuse of searches. */
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
 * Texts as officers type them, with placeholders: {street}, {name} (a surname), {case}, {town}, {county}, {plate}. All texts and names are
 * fiction.
 */
export interface Vocabulary {
  /** Reasons of honest work. */
  honest: readonly string[];
  /** Honest, but almost without information. */
  vague: readonly string[];
  /** Honest, with words that sound like misuse. */
  nearMisses: readonly string[];
  /** Misuse that is stated openly. */
  open: Readonly<Record<MisuseKind, readonly string[]>>;
  /** Reasons of hidden misuse. */
  proxied: readonly string[];
  /** Entries of the offence drop-down for honest work. */
  offenses: readonly string[];
  /** The entry of the offence drop-down for some open immigration searches. */
  openOffense: string;
  /** Descriptions for text searches of vehicles. */
  prompts: readonly string[];
  streets: readonly string[];
  surnames: readonly string[];
  towns: readonly string[];
  counties: readonly string[];
}
