// The published JSON Schema equals the schema of the reader, and accepts and refuses the same.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { scenarioJsonSchema } from '../../../../sim/scenario/language/json-schema.ts';
import { root } from '../../../layout/source-tree.ts';

const PUBLISHED = join(root, 'sim/scenario/scenario.schema.json');

it('is up to date', async () => {
  await expect(`${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(PUBLISHED);
});

describe('the published schema', () => {
  const validator = new Ajv({ strict: false, validateFormats: false });
  const validate = validator.compile(JSON.parse(readFileSync(PUBLISHED, 'utf8')));
  const takes = (text: string) => validate(parse(text));

  it.each([
    'name: a',
    'name: a\nseed: 3\nfor: 7.2s\ntimeout: 3',
    'name: a\nsteps: [{ at: 7s, press: true }, { after: visit + 2s, grant: { request: r, disclose: [email] } }]',
    'name: a\nexpect: [{ event: ring, between: 7s..8.5s }, { clip: r, frames: 156..305 }]',
    `name: a\nseed: \${n}\nfor: \${x}s\nsteps: [{ at: "\${d}", privacy: "\${p}" }]\nvariables: { n: 3 }\nmatrix: { d: [1s, 2s] }`,
    'name: a\ndoorbells: { front: { camera: [porch.mp4, { files: [a.mp4], loop: true }] } }',
  ])('takes %j', (text) => {
    expect(takes(text)).toBe(true);
  });

  it.each([
    'seed: 3',
    'name: a\nsead: 3',
    'name: a\nseed: many',
    'name: a\nfor: 7 seconds',
    'name: a\nsteps: [{ at: 7s }]',
    'name: a\nsteps: [{ press: true, reboot: true }]',
    'name: a\nsteps: [{ pres: true }]',
    'name: a\nexpect: [{ event: rign }]',
    'name: a\nexpect: [{ event: ring, frames: 3 }]',
    'name: a\nsettings: { motion: { sensitivty: 3 } }',
  ])('refuses %j', (text) => {
    expect(takes(text)).toBe(false);
  });
});
