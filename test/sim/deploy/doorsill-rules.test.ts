// The shipped alerts are valid for Prometheus, fire when they should, and use metrics that a bridge serves.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { root } from '../../layout/source-tree.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const RULES = join(root, 'sim/deploy/doorsill.rules.yml');
const rulesSchema = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          labels: z.strictObject({ severity: z.enum(['page', 'ticket']) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
});
const rules = rulesSchema.parse(parse(readFileSync(RULES, 'utf8'))).groups.flatMap((group) => group.rules);
const page = readFileSync(join(root, 'docs/operate.md'), 'utf8');
const folder = temporaryFolder('rules');

let served = '';
beforeAll(async () => {
  const fixture = await BridgeFixture.open();
  try {
    await fixture.ready();
    // A call is counted once it was answered.
    await fixture.get('/metrics', fixture.bridge.adminToken);
    served = String((await fixture.get('/metrics', fixture.bridge.adminToken)).body['text']);
  } finally {
    await fixture.close();
  }
});
afterAll(() => folder.dispose());

/** Series of a bridge: each metric's name with the labels that tell its values apart, and their values. */
function series(): { name: string; labels: Record<string, string> }[] {
  const lines = served.split('\n').filter((line) => /^[a-z]/.test(line));
  return lines.map((line) => {
    const [, name = '', inner = ''] = /^([a-z_]+)(?:\{(.*)\})? /.exec(line) ?? [];
    const pairs = [...inner.matchAll(/([a-z]+)="([^"]*)"/g)].map(
      ([, label = '', value = '']) => [label, value] as const,
    );
    return { name, labels: Object.fromEntries(pairs) };
  });
}

it('uses only metrics and labels that a bridge serves, and all of them', () => {
  const names = new Set(series().map(({ name }) => name));
  const used = rules.flatMap(({ expr }) => [...expr.matchAll(/doorsill_[a-z_]+/g)].map(([name]) => name));
  expect([...new Set(used)].sort()).toEqual([...names].sort());
  for (const { expr } of rules) {
    for (const [, name = '', label = '', value = ''] of expr.matchAll(/(doorsill_[a-z_]+)\{([a-z]+)="([^"]+)"\}/g)) {
      const values = series().flatMap((one) => (one.name === name ? [one.labels[label]] : []));
      // A bridge without a fault has counted none.
      expect([...values, '5xx'], expr).toContain(value);
    }
  }
});

it('does not distinguish homes: labels have few values, all known beforehand', () => {
  const all = series().flatMap(({ labels }) => Object.entries(labels));
  const known = {
    check: ['database', 'disk', 'registry'],
    role: ['admin', 'agency', 'moderator', 'partner', 'partner-signature', 'public'],
    state: ['delivered', 'given-up', 'in_moderation', 'published', 'waiting'],
    status: ['2xx', '3xx', '4xx', '5xx'],
  };
  expect([...new Set(all.map(([label]) => label))].sort()).toEqual(Object.keys(known));
  for (const [label, values] of Object.entries(known))
    expect(all.filter(([name, value]) => name === label && !values.includes(value))).toEqual([]);
  const named = rules.flatMap(({ expr, annotations }) => [
    ...`${expr} ${annotations.summary} ${annotations.description}`.matchAll(/\bby \(([a-z, ]+)\)|\$labels\.([a-z]+)/g),
  ]);
  const grouped = named.map(([, by, label]) => by ?? label ?? '');
  expect(new Set(grouped)).toEqual(new Set(['instance', 'check']));
});

it('is explained, each alert with its urgency, on the page for operators', () => {
  const rows = [...page.matchAll(/^\| `(Doorsill\w+)` \| (\w+) \|/gm)].map(([, alert, severity]) => [alert, severity]);
  expect(rows).toEqual(rules.map(({ alert, labels }) => [alert, labels.severity]));
});

it('is valid for Prometheus, as is the page’s configuration', { tags: ['promtool'] }, () => {
  const checked = spawnSync('promtool', ['check', 'rules', '--lint=all', '--lint-fatal', RULES], { encoding: 'utf8' });
  expect([checked.status, checked.stderr]).toEqual([0, '']);
  const [, config = ''] = /```yaml\n(rule_files[\s\S]*?)```/.exec(page) ?? [];
  const file = join(folder.path, 'prometheus.yml');
  writeFileSync(file, config.replace('/etc/prometheus/doorsill.rules.yml', RULES));
  const output = execFileSync('promtool', ['check', 'config', '--syntax-only', file], { encoding: 'utf8' });
  expect(output).toContain('SUCCESS');
});

it('fires when it should and not before', { tags: ['promtool'] }, () => {
  const tested = spawnSync('promtool', ['test', 'rules', join(root, 'test/sim/deploy/alerts.test.yml')], {
    encoding: 'utf8',
  });
  expect([tested.status, tested.stderr]).toEqual([0, '']);
  const text = readFileSync(join(root, 'test/sim/deploy/alerts.test.yml'), 'utf8');
  expect(rules.filter(({ alert }) => !text.includes(`{alertname="${alert}", `)).map(({ alert }) => alert)).toEqual([]);
});
