import { describe, expect, it } from 'vitest';
import { helpWidth, wrapHelp } from '../../../device/terminal/wrap-help.ts';

describe('a help text', () => {
  it('is as wide as the terminal, or 80 without one', () => {
    expect(helpWidth({ isTTY: true, columns: 120 })).toBe(120);
    expect(helpWidth({ isTTY: true, columns: 3 })).toBe(40);
    expect(helpWidth({ columns: 120 })).toBe(80);
  });

  it('is unchanged where it fits', () => {
    const text = 'Usage: doorsill\n\nOne line\nand another.\n  $ npx doorsill up     a testbed\n';
    expect(wrapHelp(text, 60)).toBe(text);
  });

  it('wraps a paragraph of which a line is too long', () => {
    expect(wrapHelp('\nThe first line is too long for this.\nThe second is not.\n\nEnd\n', 24)).toBe(
      '\nThe first line is too\nlong for this. The\nsecond is not.\n\nEnd\n',
    );
  });

  it('hangs the words of a last column under it, or under the line where it is too narrow', () => {
    expect(wrapHelp('  up     a testbed that runs until Ctrl-C ends it', 34)).toBe(
      '  up     a testbed that runs until\n         Ctrl-C ends it',
    );
    expect(wrapHelp('  a-long-name-of-something     a testbed', 34)).toBe(
      '  a-long-name-of-something\n      a testbed',
    );
    expect(wrapHelp('  $ camera a  # after: modprobe a module', 34)).toBe(
      '  $ camera a  # after: modprobe a\n              # module',
    );
  });

  it('breaks a command so that a shell reads it as one, and breaks no quoted word', () => {
    expect(wrapHelp('  $ doorsill grant --from 10:15:30 --type "bicycle theft"', 34)).toBe(
      '  $ doorsill grant --from \\\n      10:15:30 --type \\\n      "bicycle theft"',
    );
  });
});
