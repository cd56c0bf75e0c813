// Owns: commands as text that can be pasted into a shell. Not here: running them.

/** A word, quoted where a shell would read anything but itself in it. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The command that this process was started with. */
export function commandLine(): string {
  return ['npx', 'doorsill', ...process.argv.slice(2).map(shellWord)].join(' ');
}
