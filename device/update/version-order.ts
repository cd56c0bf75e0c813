// Compares two versions by semver 2.0.0 §11.
/** Negative when `a` is earlier than `b`, 0 when they are equal. Both are versions of a release's manifest. */
export function versionOrder(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  for (let at = 0; at < 3; at += 1) {
    const order = Number(left.numbers[at]) - Number(right.numbers[at]);
    if (order !== 0) return order;
  }
  if (left.before.length === 0 || right.before.length === 0) return right.before.length - left.before.length;
  for (let at = 0; at < Math.max(left.before.length, right.before.length); at += 1) {
    const order = wordOrder(left.before[at], right.before[at]);
    if (order !== 0) return order;
  }
  return 0;
}

function split(version: string): { numbers: string[]; before: string[] } {
  const [core = '', ...rest] = version.split('-');
  const before = rest.join('-');
  return { numbers: core.split('.'), before: before === '' ? [] : before.split('.') };
}

/** Compares pre-release identifiers: numbers by value, and before all others. */
function wordOrder(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return (a === undefined ? 0 : 1) - (b === undefined ? 0 : 1);
  const [isA, isB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isA && isB) return Number(a) - Number(b);
  if (isA !== isB) return isA ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
