// Owns: the words of the page "What has left" in German. Not here: which language is shown (choose-language.ts).
import type { LeftWords } from './left-en.ts';

export const leftDe: LeftWords = {
  nothing: 'Noch nie hat etwas dieses Gerät verlassen.',
  nothingHelp:
    'Kein Clip und keine Angabe über Sie wurde an irgendwen gesendet. Wenn Sie eine Anfrage freigeben, steht hier, was das Haus verlässt, ab dem Augenblick, in dem das Senden beginnt.',
  asking: 'Fragt die Türklingel …',
  count: (count) =>
    count === 1 ? 'Ein Clip hat dieses Gerät verlassen.' : `${count} Clips haben dieses Gerät verlassen.`,
  countHelp: 'Jeder bleibt für immer in dieser Liste, auch wenn er zurückgenommen wurde.',
  older: 'Ältere zeigen',

  petOwner: 'Jemand, der ein Haustier sucht',
  petOwnerHelp: (id) => `Nur durch einen Schlüssel bekannt: ${id}`,
  agencyHelp: (domain, kind) => `${domain} · ${kind}, bei Ihrer Freigabe vom Register bestätigt`,
  kinds: {
    municipal: 'städtische Behörde',
    county: 'Kreisbehörde',
    state: 'Behörde des Bundesstaats',
    federal: 'Bundesbehörde',
  },

  labels: {
    sending: 'Wird gesendet',
    stopped: 'Vorzeitig beendet',
    stored: 'Gesendet',
    'in-vault': 'Im Archiv',
    revoking: 'Wird zurückgenommen',
    'nothing-arrived': 'Nichts kam an',
    'erased-at-bridge': 'Gelöscht',
    'erased-at-vault': 'Gelöscht',
    restricted: 'Gesperrt',
    kept: 'Behalten',
  },
  outcomes: {
    sending: 'Er wird gesendet. Ein Teil davon kann schon draußen sein.',
    stopped:
      'Das Senden endete, bevor die Brücke den Clip bestätigt hatte; ein Teil davon kann dort sein. Nehmen Sie ihn zurück, löscht die Brücke, was sie hat.',
    stored: (when) => `Die Brücke hat ihn ganz, seit ${when}.`,
    storedMayMove: 'Vielleicht hat sie ihn inzwischen dem Archiv der Behörde übergeben; die Prüfung sagt es.',
    'in-vault': (when) =>
      `Die Brücke hat ihn am ${when} dem Archiv der Behörde übergeben. Wie lange er dort bleibt, bestimmen die Regeln der Behörde; dieses Gerät erfährt es nicht.`,
    'at-bridge': 'Nach dem Protokoll der Brücke wurde er keinem Archiv übergeben.',
    revoking: (when) =>
      `Er wurde am ${when} zurückgenommen. Es wird nichts mehr gesendet. Die Brücke hat noch nicht geantwortet; sie wird gefragt, bis sie es tut.`,
    'nothing-arrived': (when) =>
      `Er wurde zurückgenommen, bevor etwas angekommen war: Die Brücke hat am ${when} signiert, dass sie nichts davon hat.`,
    'erased-at-bridge': (when) =>
      `Er wurde zurückgenommen. Die Brücke hat am ${when} signiert, dass sie ihn ganz gelöscht hat.`,
    'erased-at-vault': (when) =>
      `Er wurde zurückgenommen, als das Archiv ihn schon hatte. Das Archiv hat signiert, dass es ihn gelöscht hat; das kam am ${when}.`,
    restricted: (when) =>
      `Er wurde zurückgenommen, als das Archiv ihn schon hatte. Es löscht ihn nicht: Nach den Regeln der Behörde bleibt er, aber gesperrt. Die signierte Antwort des Archivs kam am ${when}.`,
    kept: (when) =>
      `Er wurde zurückgenommen, als das Archiv ihn schon hatte. Die Behörde behält ihn. Die signierte Antwort des Archivs kam am ${when}.`,
    reason: (words) => `Ihre Begründung: „${words}“`,
    stoppedBy: (words) => `Grund: ${words}`,
  },

  footage: 'Aufnahme',
  footageOf: (day, from, to, length) => `${day}, ${from} bis ${to} (${length})`,
  seeFootage: 'Im Verlauf ansehen',
  disclosed: 'Über Sie gesagt',
  disclosedNothing: 'nichts',
  disclosedUnkept: 'die Werte wurden damals nicht aufbewahrt',
  keys: { name: 'Name', address: 'Adresse', email: 'E-Mail', phone: 'Telefon' },
  sound: 'Ton',
  soundWith: 'mit Ton',
  soundWithout: 'ohne Ton',
  blackedOut: (zones) => (zones === 1 ? 'eine Fläche geschwärzt' : `${zones} Flächen geschwärzt`),
  reason: 'Wofür',
  granted: 'Freigegeben',
  grantedBy: {
    you: 'von Ihnen, in diesem Browser',
    other: 'von jemand anderem mit Berechtigung, oder mit anderem Browser oder Terminal',
  },
  sent: 'Senden begann',

  more: 'Wie geschnitten wurde, und der Hash',
  method: 'Schnitt',
  methods: {
    copy: 'kopiert; kein Bild wurde neu kodiert',
    'smart-cut': 'nur die Bilder bis zum ersten Schlüsselbild wurden neu kodiert, alle anderen kopiert',
    're-encode': 'jedes Bild wurde neu kodiert',
  },
  frames: 'Bilder',
  size: 'Größe',
  sha256: 'SHA-256 des Clips',
  ids: 'Freigabe und Anfrage',

  check: 'Nachweis prüfen',
  checking: 'Fragt die Brücke und prüft …',
  checkAgain: 'Noch einmal prüfen',
  checkHelp: 'Geprüft in diesem Browser, mit dem Schlüssel der Brücke, den Ihre Türklingel festgehalten hat.',
  holds: 'Alles, was die Brücke zeigt, stimmt.',
  holdsNot: 'Nicht alles stimmt.',
  holdsNotHelp:
    'Was unten markiert ist, passt nicht zu dem, was Ihre Türklingel aufgezeichnet hat, oder ist nicht von der Brücke signiert, die sie kennt. Verlassen Sie sich nicht darauf.',
  storedOk: (when) => `Quittung: von der Brücke am ${when} signiert, für genau diesen Clip.`,
  storedBad: (why) => `Die Quittung stimmt nicht: ${why}.`,
  answerOk: (when) => `Antwort auf die Rücknahme: von der Brücke am ${when} signiert.`,
  answerBad: (why) => `Die Antwort auf die Rücknahme stimmt nicht: ${why}.`,
  leafBad: (why) => `Ein Eintrag im Protokoll der Brücke stimmt nicht: ${why}.`,
  leaf: {
    intake: 'angenommen',
    'hand-over': 'dem Archiv übergeben',
    recall: 'Rückruf an das Archiv',
    deletion: 'bei der Brücke gelöscht',
    access: 'angesehen',
    dispute: 'Manifest geöffnet',
  },
  recallAnswers: {
    pending: 'Rückruf an das Archiv',
    erased: 'das Archiv hat auf den Rückruf gelöscht',
    restricted: 'das Archiv hat auf den Rückruf gesperrt',
    kept: 'das Archiv behält ihn trotz des Rückrufs',
  },
  leafOk: (what, when) => `Im Protokoll: ${what}, ${when}.`,
  leafPlace: (leaf, size) => `Blatt ${leaf} von ${size}`,
  cosigned: (count) =>
    count === 0
      ? 'noch von keinem Zeugen mitsigniert'
      : count === 1
        ? 'von 1 Zeugen mitsigniert'
        : `von ${count} Zeugen mitsigniert`,
  witnesses:
    'Wer die Zeugen sind, weiß Ihre Türklingel nicht. `doorsill verify --witness-key` prüft mit Schlüsseln, die Sie kennen.',
  partial: 'Diese Brücke zeigt nur den letzten Eintrag; was vorher geschah, ist hier nicht bekannt.',
  noClip: 'Die Brücke kennt keinen Clip zu dieser Freigabe. Was diese Türklingel aufbewahrt hat, steht oben.',

  takeBack: 'Zurücknehmen',
  takeBackTitle: 'Diesen Clip zurücknehmen?',
  takeBackSending: 'Das Senden endet sofort, und die Brücke löscht, was sie hat.',
  takeBackStored:
    'Solange die Brücke ihn hat, wird er dort gelöscht, und niemand sieht ihn mehr. Hat ihn das Archiv der Behörde schon, entscheiden deren Regeln: löschen, sperren oder behalten. Sie sehen die Antwort, die es signiert.',
  takeBackPet: 'Die Brücke löscht ihn. Was der Mensch, der sein Tier sucht, vorher geladen hat, bleibt bei ihm.',
  takingBack: 'Wird zurückgenommen …',
  keep: 'Lassen',
};
