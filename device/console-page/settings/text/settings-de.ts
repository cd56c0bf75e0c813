// Owns: the words of the page "Settings" in German. Not here: which language is shown (choose-language.ts).
import type { SettingsWords } from './settings-en.ts';

export const settingsDe: SettingsWords = {
  jump: 'Teile dieser Seite',
  parts: {
    owners: 'Berechtigte',
    viewers: 'Zuschauer',
    looks: 'Wer hat geschaut',
    recovery: 'Wiederherstellen und sichern',
    disclosure: 'Über Sie',
    motion: 'Bewegung',
    keeping: 'Wie lange etwas bleibt',
  },
  byOwner: 'Von Berechtigten gesetzt',
  asInFile: 'Wie in device.json',
  backToFile: 'Zurück zu device.json',
  save: 'Speichern',
  saving: 'Speichert …',
  saved: 'Gespeichert. Es gilt ab jetzt.',
  discard: 'Änderungen verwerfen',

  ownersHelp:
    'Berechtigte sehen alles und entscheiden, was das Haus verlässt. Sie werden am Gerät mit einem Code gekoppelt.',
  thisBrowser: 'Dieser Browser',
  ownerSince: (time) => `seit ${time}`,
  removeOwnerAsk: (name) => `${name} die Berechtigung nehmen?`,
  removeOwnerConsequence:
    'Was dort angesehen wird, endet sofort; Freigaben von dort, die noch nicht übergeben sind, enden; Zuschauer, die dort zugelassen wurden, werden entfernt. Zurück geht es nur durch Koppeln am Gerät.',
  removeSelfAsk: 'Diesem Browser die Berechtigung nehmen?',
  removeSelfConsequence:
    'Diese Seite schließt sofort. Um zurückzukommen, muss dieser Browser am Gerät neu gekoppelt werden.',
  onlyOwner: 'Die einzige berechtigte Person kann nicht entfernt werden: niemand könnte mehr entscheiden.',
  ownersAdd:
    'Weitere Berechtigte: den Kopplungslink auf deren Telefon oder Rechner öffnen. Am Gerät druckt ihn dieser Befehl:',

  disclosureHelp:
    'Nichts davon wird je von selbst gesendet. Eine Anfrage kann danach fragen; es verlässt das Haus nur, wenn Sie es in dieser Anfrage ankreuzen, wo genau diese Worte stehen.',
  values: { name: 'Name', address: 'Anschrift', email: 'E-Mail', phone: 'Telefon' },
  valueNone: 'Nichts, was offengelegt werden kann',
  valueTooShort: 'Mindestens drei Zeichen.',

  motionOff:
    'Bewegung ist in device.json ausgeschaltet (motion.enabled); bis sie an ist, hat hier nichts eine Wirkung.',
  zones: 'Wo Bewegung zählt',
  zonesHelp:
    'Zeichnen Sie Bereiche auf das Bild: nur darin zählt Bewegung. Ohne Bereich zählt sie überall. Getönte Kästchen zeigen, was der Melder gerade als Bewegung sieht.',
  zonesEverywhere: 'Kein Bereich ist gezeichnet: Bewegung zählt überall.',
  zonePicture: 'Bereiche auf dem Bild',
  zoneWord: 'bereich',
  drawZone: 'Bereich zeichnen',
  drawing: 'Auf dem Bild von Ecke zu Ecke ziehen.',
  addZone: 'Einen in die Mitte setzen',
  zonesFull: 'Es sind 16 Bereiche, mehr sind nicht möglich.',
  zoneName: 'Name des Bereichs',
  zoneNameHelp: 'Kleine Buchstaben, Ziffern und Bindestriche. Ereignisse tragen ihn.',
  zoneNameEmpty: 'Geben Sie dem Bereich einen Namen.',
  zoneNameTwice: 'Zwei Bereiche heißen so.',
  moveZone: (name) => `${name} verschieben`,
  cornerOf: (name, number, left, top) => `Ecke ${number} von ${name}: ${left} von links, ${top} von oben`,
  addCorner: 'Ecke hinzufügen',
  removeCorner: 'Ecke entfernen:',
  removeZone: 'Bereich entfernen',
  zoneKeys:
    'Mit der Tastatur: Pfeiltasten bewegen eine Ecke oder den ganzen Bereich, mit Umschalt weiter; Entf entfernt eine Ecke.',
  maskLearning: 'Lernt, was still ist …',
  maskQuiet: 'Gerade bewegt sich nichts.',
  maskMoves: 'Gerade bewegt sich etwas.',
  maskGone: 'Was sich bewegt, kann gerade nicht gezeigt werden. Wird wieder versucht …',

  sensitivity: 'Empfindlichkeit',
  sensitivityLow: 'Nur große Bewegung',
  sensitivityHigh: 'Jedes Blatt',
  sensitivityHelp: 'Was jetzt zählt, zeigt das Bild, während Sie hier schieben.',

  trial: 'An Aufnahmen ausprobieren',
  trialHelp:
    'Die Türklingel sieht durch, was sie aufgenommen hat, mit Ihren Bereichen und mehreren Empfindlichkeiten. Das steht danach unter „Wer hat geschaut“. Nichts wird geändert.',
  trialSpan: 'Aufnahmen',
  spanHour: 'Letzte Stunde',
  spanThree: 'Letzte 3 Stunden',
  spanNight: 'Letzte Nacht, 22 bis 6 Uhr',
  spanHalfDay: 'Letzte 12 Stunden',
  trialStart: 'Ausprobieren',
  trialStop: 'Anhalten',
  trialLooking: (share) => `Sieht durch … ${share}`,
  trialLooked: (length) => `${length} Aufnahmen durchgesehen.`,
  trialNow: (count) =>
    count === 1
      ? 'So wie jetzt eingestellt, wird 1 Ereignis gesehen.'
      : `So wie jetzt eingestellt, werden ${count} Ereignisse gesehen.`,
  trialTable: 'Was jede Empfindlichkeit gesehen hätte',
  trialAt: 'Bei',
  trialEvents: 'Ereignisse',
  trialNew: 'Jetzt nicht gesehen',
  trialWould: (sensitivity, count) =>
    count === 0
      ? `Bei ${sensitivity} wäre nichts gesehen worden.`
      : count === 1
        ? `Bei ${sensitivity} wäre dieses Ereignis gesehen worden:`
        : `Bei ${sensitivity} wären diese ${count} Ereignisse gesehen worden:`,
  trialSeenNow: 'auch jetzt gesehen',
  trialShown: (shown, all) => `Die ersten ${shown} von ${all}.`,
  trialUse: (sensitivity) => `Auf ${sensitivity} stellen`,

  keepingFootage: 'Aufnahmen',
  keepingFootageHelp: (bytes) =>
    `Ältere Aufnahmen werden vernichtet. Das kann früher geschehen: ist der Ringspeicher von ${bytes} voll, macht das Älteste Platz.`,
  keepingEvents: 'Vergangene Ereignisse',
  keepingEventsHelp:
    'Klingeln, Bewegung und Störungen in der Liste „Zuletzt“. Sie verraten, wann jemand an der Tür war.',
  days: (count) => (count === 1 ? '1 Tag' : `${count} Tage`),
  eventsNone: 'Bis das Gerät anhält',
  shorterDestroys: (length) =>
    `Aufnahmen, die älter sind als ${length}, werden mit dem Speichern endgültig vernichtet. Sie lassen sich nicht zurückholen.`,
  shorterDestroysNow: (length) => `${length} der Aufnahmen, die jetzt da sind, wären weg.`,
  shorterEvents: 'Ältere Ereignisse werden mit dem Speichern gelöscht.',
  confirmShorter: 'Speichern und Älteres vernichten',

  recoveryLost: 'Dies war der einzige Browser, und er ist verloren',
  recoveryLostHelp:
    'Niemand kann aus der Ferne koppeln, und es gibt kein Passwort, das man zurücksetzt. Gehen Sie zum Gerät: dort druckt dieser Befehl einen neuen Kopplungslink.',
  recoveryLocked:
    'Ist das Koppeln nach zehn Fehlschlägen gesperrt, drücken Sie zuerst den echten Knopf der Türklingel.',
  recoveryThen:
    'Koppeln Sie den neuen Browser und entfernen Sie den verlorenen hier unter „Berechtigte“, damit er nichts mehr kann.',
  recoverySecond: 'Ein zweiter Browser, jetzt gekoppelt, erspart Ihnen den Weg zum Gerät.',
  backup: 'Sicherung des Geräts',
  backupHelp:
    'Eine Sicherung enthält die Identität des Geräts, seine Einstellungen und sein Logbuch, versiegelt mit einer Passphrase; keine Aufnahmen. Sie wird am Gerät gemacht, nie im Browser: wer sie und die Passphrase hat, kann Ihre Türklingel sein.',
  backupMake: 'Das Gerät anhalten, dann sichern:',
  backupRestore: 'In einen leeren Ordner zurückholen:',
  backupAfter: 'Danach koppeln alle neu, und nichts zuvor Signiertes gilt mehr, außer Widerrufen.',
  copy: 'Kopieren',
  copied: 'Kopiert',
};
