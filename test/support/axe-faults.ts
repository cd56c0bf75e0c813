// What axe finds wrong with a page as it is shown now.
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { z } from 'zod';

/** In the page: one line for each violation. The rest of what axe answers is long, and stays there. */
const RUN = "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0]?.html))";

/** The rule of each violation, and the first element that breaks it. */
export async function axeFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return z.array(z.string()).parse(await page.evaluate(RUN));
}
