// Owns: the words of the page "Settings" in the page's language. Not here: which language that is (choose-language.ts), the words (text/).
import { inLanguage } from '../kit/choose-language.ts';
import { settingsDe } from './text/settings-de.ts';
import { type SettingsWords, settingsEn } from './text/settings-en.ts';
import { settingsEs } from './text/settings-es.ts';

export const words = inLanguage<SettingsWords>({ en: settingsEn, de: settingsDe, es: settingsEs });
