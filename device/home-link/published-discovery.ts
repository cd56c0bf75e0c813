// A record on disk of what this device has published for Home Assistant, so that it can be removed when the setting is turned off,
// the device is reset or a prefix changes.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { idSchema } from '@doorsill/contract/ids';
import { parseJson } from '@doorsill/contract/parse-json';
import { topicPrefixSchema } from '@doorsill/contract/topics';
import { z } from 'zod';
import { COMPONENT_PLATFORMS, type ComponentId } from './discovery-document.ts';

const FILE = 'home-assistant.json';
const FILE_BYTES_MAX = 16_384;
const PLACES_MAX = 8;

/** A place: the device id and prefixes under which a document and its states were published. */
const placeShape = { device: idSchema, discoveryPrefix: topicPrefixSchema, prefix: topicPrefixSchema };
const Published = z.strictObject({
  ...placeShape,
  components: z.array(z.enum(Object.keys(COMPONENT_PLATFORMS) as [ComponentId, ...ComponentId[]])).max(16),
});
const fileSchema = z.strictObject({
  kind: z.literal('doorsill-home-assistant'),
  published: z.array(Published).max(PLACES_MAX),
});

export type Published = z.infer<typeof Published>;
export type Place = Omit<Published, 'components'>;

export const isSamePlace = (one: Place, other: Place): boolean =>
  one.device === other.device && one.discoveryPrefix === other.discoveryPrefix && one.prefix === other.prefix;

export class PublishedDiscovery {
  private readonly disk: Disk;
  private readonly path: string;
  private stored: readonly Published[] = [];
  private writing: Promise<void> = Promise.resolve();

  constructor(disk: Disk, folder: string) {
    this.disk = disk;
    this.path = join(folder, FILE);
  }

  /** Reads the file. A damaged file counts as if all components were published at `here`. */
  async start(here: Place): Promise<void> {
    const bytes = await this.disk.readFile(this.path, FILE_BYTES_MAX);
    if (!bytes) return;
    const file = fileSchema.safeParse(parseJson(fromUtf8(bytes) ?? ''));
    const all = Published.shape.components.element.options;
    this.stored = file.success ? file.data.published : [{ ...here, components: all }];
  }

  get places(): readonly Published[] {
    return this.stored;
  }

  at(place: Place): Published | null {
    return this.stored.find((published) => isSamePlace(published, place)) ?? null;
  }

  /** Records durably that exactly these components are published at `place`; an empty list removes the place. */
  set(place: Place, components: readonly ComponentId[]): Promise<void> {
    this.writing = this.writing
      .catch(() => undefined)
      .then(async () => {
        const { device, discoveryPrefix, prefix } = place;
        const others = this.stored.filter((published) => !isSamePlace(published, place));
        const entry = { device, discoveryPrefix, prefix, components: [...components] };
        const published = components.length === 0 ? others : [entry, ...others].slice(0, PLACES_MAX);
        if (JSON.stringify(published) === JSON.stringify(this.stored)) return;
        const text = JSON.stringify({ kind: 'doorsill-home-assistant', published });
        if (published.length === 0) await this.disk.remove(this.path);
        else await this.disk.replaceFile(this.path, utf8(`${text}\n`));
        this.stored = published;
      });
    return this.writing;
  }
}
