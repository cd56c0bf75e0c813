// Loads the registry's lists: the shipped ones in data/, or the operator's own.
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Disk } from '@doorsill/base/disk';
import { fromUtf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { AgencyNameRules, type NameLists } from './agency-names.ts';
import type { EligibilityRules } from './eligibility.ts';
import { parseGovernmentDomains } from './government-domains.ts';
import type { RegistryConfig } from './registry-config.ts';

/** CISA's list has about 1.5 MB. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Folders of the shipped lists, from the source and from the built program. */
const SHIPPED = ['./data/', '../../registry/data/'];

type Settings = Pick<RegistryConfig, 'stateAgencies' | 'namesAllowed' | 'localGovernments' | 'dataFolder'>;

/** The rules of the settings, with their lists. Throws `registry_list_invalid` for a list that cannot be used. */
export async function loadEligibility(disk: Pick<Disk, 'readFile'>, settings: Settings): Promise<EligibilityRules> {
  const { stateAgencies, namesAllowed, localGovernments, dataFolder } = settings;
  const files = {
    federalAgencies: await shipped(disk, 'federal-agencies.csv'),
    nameWords: await shipped(disk, 'name-words.csv'),
    lookAlikes: await shipped(disk, 'look-alikes.csv'),
    abbreviations: await shipped(disk, 'abbreviations.csv'),
  };
  const list =
    localGovernments === undefined
      ? await shipped(disk, 'local-governments.csv')
      : await textOf(disk, resolve(dataFolder, localGovernments));
  return {
    stateAgencies,
    namesAllowed,
    names: parsed(dirname(files.federalAgencies.path), () => new AgencyNameRules(textsOf(files))),
    domains: parsed(list.path, () => parseGovernmentDomains(list.text)),
  };
}

function textsOf(files: Record<keyof NameLists, ListFile>): NameLists {
  const { federalAgencies, nameWords, lookAlikes, abbreviations } = files;
  return {
    federalAgencies: federalAgencies.text,
    nameWords: nameWords.text,
    lookAlikes: lookAlikes.text,
    abbreviations: abbreviations.text,
  };
}

interface ListFile {
  path: string;
  text: string;
}

async function shipped(disk: Pick<Disk, 'readFile'>, name: string): Promise<ListFile> {
  const paths = SHIPPED.map((folder) => fileURLToPath(new URL(folder + name, import.meta.url)));
  for (const path of paths) {
    const found = await read(disk, path);
    if (found) return found;
  }
  throw failure('registry_list_invalid', { file: name, detail: 'this installation does not have it' });
}

async function textOf(disk: Pick<Disk, 'readFile'>, path: string): Promise<ListFile> {
  const found = await read(disk, path);
  if (!found) throw failure('registry_list_invalid', { file: path, detail: 'there is no such file' });
  return found;
}

async function read(disk: Pick<Disk, 'readFile'>, path: string): Promise<ListFile | null> {
  const bytes = await disk.readFile(path, FILE_BYTES_MAX).catch((thrown: Error) => {
    throw failure('registry_list_invalid', { file: path, detail: thrown.message }, thrown);
  });
  if (!bytes) return null;
  const text = fromUtf8(bytes);
  if (text === null) throw failure('registry_list_invalid', { file: path, detail: 'it is not UTF-8 text' });
  return { path, text };
}

function parsed<Value>(file: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (thrown) {
    if (!(thrown instanceof Error)) throw thrown;
    throw failure('registry_list_invalid', { file, detail: thrown.message }, thrown);
  }
}
