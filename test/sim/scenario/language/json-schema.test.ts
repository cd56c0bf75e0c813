// Holds the published JSON Schema equal to the schema that reading uses.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { scenarioJsonSchema } from '../../../../sim/scenario/language/json-schema.ts';
import { root } from '../../../layout/source-tree.ts';

it('is published as it is now', async () => {
  await expect(`${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(
    join(root, 'sim/scenario/scenario.schema.json'),
  );
});
