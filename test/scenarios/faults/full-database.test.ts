// @module-tag long
// @module-tag namespaces
// A bridge with a full or read-only disk refuses with a code, and goes on when there is space.
import { expect, it } from 'vitest';
import { proved } from '../../support/proved.ts';
import { SmallDisk } from '../../support/small-disk.ts';
import { BridgeStory } from './bridge-rounds.ts';

it('a bridge with a full disk refuses with a code, stays up, and accepts the clip when there is space', async (test) => {
  const disk = await SmallDisk.open(16 * 1024 * 1024);
  const story = await BridgeStory.open(disk);
  try {
    const refused = await story.onFullDisk(disk);
    proved(test, 'a bridge with a full database refuses and goes on', refused.join(', '));
    expect(refused).toEqual(['507 intake_full', '507 intake_full']);
  } finally {
    await story.close();
    await disk.close();
  }
}, 90_000);

it('a bridge that cannot start on a full or read-only disk says which, and starts afterwards', async () => {
  const disk = await SmallDisk.open(16 * 1024 * 1024);
  const story = await BridgeStory.open(disk);
  try {
    const full = await story.onSpoiledDisk(
      () => disk.fill(),
      () => disk.empty(),
    );
    expect(full).toContain('"code":"database_full"');
    const readOnly = await story.onSpoiledDisk(
      () => disk.readOnly(true),
      () => disk.readOnly(false),
    );
    expect(readOnly).toContain('"code":"database_unusable"');
  } finally {
    await story.close();
    await disk.close();
  }
}, 90_000);
