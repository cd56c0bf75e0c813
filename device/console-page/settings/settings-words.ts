// Owns: the words of the page "Settings", in every language, and those of the page's. Not here: which language that is (choose-language.ts).
import { inLanguage } from '../kit/choose-language.ts';

const en = {
  jump: 'Parts of this page',
  parts: {
    owners: 'Owners',
    viewers: 'Viewers',
    looks: 'Who looked',
    recovery: 'Recovery and backup',
    disclosure: 'About you',
    motion: 'Movement',
    keeping: 'How long things are kept',
  },
  byOwner: 'Set by an owner',
  asInFile: 'As in device.json',
  backToFile: 'Back to device.json',
  save: 'Save',
  saving: 'Saving …',
  saved: 'Saved. It is in force now.',
  discard: 'Discard changes',

  ownersHelp: 'Owners see everything and decide what leaves. They are paired at the device with a code.',
  thisBrowser: 'This browser',
  ownerSince: (time: string) => `since ${time}`,
  removeOwnerAsk: (name: string) => `Remove ${name} as an owner?`,
  removeOwnerConsequence:
    'What it watches ends at once, its grants that have not been handed over end, and viewers whom it let in are removed. It can come back only by pairing at the device.',
  removeSelfAsk: 'Remove this browser as an owner?',
  removeSelfConsequence: 'This page closes at once. To come back, this browser has to be paired at the device again.',
  onlyOwner: 'The only owner cannot be removed: nobody could decide any more.',
  ownersAdd: 'Add an owner: open the pairing link on that phone or computer. At the device this prints it:',

  disclosureHelp:
    'Nothing of this is ever sent by itself. A request may ask for it, and it leaves only if you tick it in that request, where you see these very words.',
  valueNone: 'Nothing to disclose',
  valueTooShort: 'At least three letters.',

  motionOff: 'Motion is switched off in device.json (motion.enabled), so nothing here has an effect until it is on.',
  zones: 'Where movement counts',
  zonesHelp:
    'Draw areas on the picture: movement counts inside them alone. Without any, it counts everywhere. Tinted squares are what the detector sees moving now.',
  zonesEverywhere: 'No area is drawn: movement counts everywhere.',
  zonePicture: 'Areas on the picture',
  zoneWord: 'area',
  drawZone: 'Draw an area',
  drawing: 'Draw on the picture, from corner to corner.',
  addZone: 'Add one in the middle',
  zonesFull: 'There are 16 areas, as many as there can be.',
  zoneName: 'Name of the area',
  zoneNameHelp: 'Small letters, digits and hyphens. Events carry it.',
  zoneNameEmpty: 'Give the area a name.',
  zoneNameTwice: 'Two areas have this name.',
  moveZone: (name: string) => `Move ${name}`,
  cornerOf: (name: string, number: number, left: string, top: string) =>
    `Corner ${number} of ${name}: ${left} from the left, ${top} from the top`,
  addCorner: 'Add a corner',
  removeCorner: 'Remove the corner',
  removeZone: 'Remove the area',
  zoneKeys:
    'With the keyboard: arrow keys move a corner or the whole area, with Shift further; Delete removes a corner.',
  maskLearning: 'Learning what is still …',
  maskQuiet: 'Nothing moves now.',
  maskMoves: 'Something moves now.',
  maskGone: 'What moves now cannot be shown. Trying again …',

  sensitivity: 'Sensitivity',
  sensitivityLow: 'Only large movement',
  sensitivityHigh: 'Every leaf',
  sensitivityHelp: 'What counts now is shown on the picture while you move this.',

  trial: 'Try it on recorded footage',
  trialHelp:
    'The doorbell looks through what it has recorded, with your areas and several sensitivities. It is noted under “Who looked”. Nothing is changed.',
  trialSpan: 'Footage',
  spanHour: 'Last hour',
  spanThree: 'Last 3 hours',
  spanNight: 'Last night, 22 to 6 o’clock',
  spanHalfDay: 'Last 12 hours',
  trialStart: 'Try',
  trialStop: 'Stop',
  trialLooking: (share: string) => `Looking … ${share}`,
  trialLooked: (length: string) => `${length} of footage looked through.`,
  trialNow: (count: number) =>
    count === 1 ? 'As it is set now, 1 event is seen.' : `As it is set now, ${count} events are seen.`,
  trialTable: 'What each sensitivity would have seen',
  trialAt: 'At',
  trialEvents: 'Events',
  trialNew: 'Not seen now',
  trialWould: (sensitivity: number, count: number) =>
    count === 0
      ? `At ${sensitivity} nothing would have been seen.`
      : count === 1
        ? `At ${sensitivity} this event would have been seen:`
        : `At ${sensitivity} these ${count} events would have been seen:`,
  trialSeenNow: 'seen now, too',
  trialShown: (shown: number, all: number) => `The first ${shown} of ${all}.`,
  trialUse: (sensitivity: number) => `Set to ${sensitivity}`,

  keepingFootage: 'Footage',
  keepingFootageHelp: (bytes: string) =>
    `Older footage is destroyed. It may go earlier: when the ring of ${bytes} is full, the oldest makes room.`,
  keepingEvents: 'Past events',
  keepingEventsHelp: 'Rings, movement and faults in the list “Lately”. They tell when people were at the door.',
  days: (count: number) => (count === 1 ? '1 day' : `${count} days`),
  eventsNone: 'Until the device stops',
  shorterDestroys: (length: string) =>
    `Footage older than ${length} is destroyed as soon as you save, for good. It cannot be brought back.`,
  shorterDestroysNow: (length: string) => `${length} of footage that is here now would be gone.`,
  shorterEvents: 'Older events are erased as soon as you save.',
  confirmShorter: 'Save and destroy older footage',

  recoveryLost: 'This was the only browser, and it is lost',
  recoveryLostHelp:
    'Nobody can pair from afar, and there is no password to reset. Go to the device: this prints a new pairing link there.',
  recoveryLocked: 'If pairing is locked after ten failures, press the doorbell’s real button first.',
  recoveryThen:
    'Pair the new browser, then remove the lost one here under “Owners”, so that it can do nothing any more.',
  recoverySecond: 'A second browser, paired now, spares you the way to the device.',
  backup: 'Backup of the device',
  backupHelp:
    'A backup holds the device’s identity, its settings and its ledger, sealed with a passphrase; no footage. It is made at the device, never in a browser: whoever has it and the passphrase can be your doorbell.',
  backupMake: 'Stop the device, then make it:',
  backupRestore: 'Bring it back into an empty folder:',
  backupAfter: 'After that everybody pairs again, and nothing that was signed before counts, except revocations.',
  copy: 'Copy',
  copied: 'Copied',
};

/** What every language has. */
type SettingsWords = typeof en;

const de: SettingsWords = {
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

const es: SettingsWords = {
  jump: 'Partes de esta página',
  parts: {
    owners: 'Propietarios',
    viewers: 'Espectadores',
    looks: 'Quién ha mirado',
    recovery: 'Recuperación y copia',
    disclosure: 'Sobre usted',
    motion: 'Movimiento',
    keeping: 'Cuánto se conserva',
  },
  byOwner: 'Fijado por un propietario',
  asInFile: 'Como en device.json',
  backToFile: 'Volver a device.json',
  save: 'Guardar',
  saving: 'Guardando …',
  saved: 'Guardado. Ya está en vigor.',
  discard: 'Descartar cambios',

  ownersHelp: 'Los propietarios lo ven todo y deciden qué sale de casa. Se emparejan en el aparato con un código.',
  thisBrowser: 'Este navegador',
  ownerSince: (time) => `desde ${time}`,
  removeOwnerAsk: (name) => `¿Quitar a ${name} como propietario?`,
  removeOwnerConsequence:
    'Lo que esté mirando termina en el acto, sus permisos aún no entregados terminan y los espectadores que dejó entrar se quitan. Solo puede volver emparejándose en el aparato.',
  removeSelfAsk: '¿Quitar este navegador como propietario?',
  removeSelfConsequence:
    'Esta página se cierra en el acto. Para volver, este navegador tiene que emparejarse de nuevo en el aparato.',
  onlyOwner: 'El único propietario no se puede quitar: nadie podría decidir ya.',
  ownersAdd:
    'Añadir un propietario: abra el enlace de emparejamiento en ese teléfono u ordenador. En el aparato lo imprime:',

  disclosureHelp:
    'Nada de esto se envía nunca por sí solo. Una solicitud puede pedirlo, y solo sale si usted lo marca en esa solicitud, donde ve estas mismas palabras.',
  valueNone: 'Nada que revelar',
  valueTooShort: 'Al menos tres caracteres.',

  motionOff:
    'El movimiento está apagado en device.json (motion.enabled): nada de esto tiene efecto hasta que se encienda.',
  zones: 'Dónde cuenta el movimiento',
  zonesHelp:
    'Dibuje zonas sobre la imagen: el movimiento solo cuenta dentro. Sin ninguna, cuenta en todas partes. Los cuadros teñidos son lo que el detector ve moverse ahora.',
  zonesEverywhere: 'No hay ninguna zona: el movimiento cuenta en todas partes.',
  zonePicture: 'Zonas sobre la imagen',
  zoneWord: 'zona',
  drawZone: 'Dibujar una zona',
  drawing: 'Dibuje sobre la imagen, de esquina a esquina.',
  addZone: 'Poner una en el centro',
  zonesFull: 'Hay 16 zonas, no caben más.',
  zoneName: 'Nombre de la zona',
  zoneNameHelp: 'Minúsculas, cifras y guiones. Los avisos lo llevan.',
  zoneNameEmpty: 'Ponga un nombre a la zona.',
  zoneNameTwice: 'Dos zonas tienen este nombre.',
  moveZone: (name) => `Mover ${name}`,
  cornerOf: (name, number, left, top) =>
    `Esquina ${number} de ${name}: ${left} desde la izquierda, ${top} desde arriba`,
  addCorner: 'Añadir una esquina',
  removeCorner: 'Quitar la esquina',
  removeZone: 'Quitar la zona',
  zoneKeys:
    'Con el teclado: las flechas mueven una esquina o toda la zona, con Mayús más lejos; Supr quita una esquina.',
  maskLearning: 'Aprendiendo lo que está quieto …',
  maskQuiet: 'Nada se mueve ahora.',
  maskMoves: 'Algo se mueve ahora.',
  maskGone: 'No se puede mostrar lo que se mueve. Se intenta de nuevo …',

  sensitivity: 'Sensibilidad',
  sensitivityLow: 'Solo movimiento grande',
  sensitivityHigh: 'Cada hoja',
  sensitivityHelp: 'La imagen muestra lo que cuenta ahora mientras mueve esto.',

  trial: 'Probarlo con lo grabado',
  trialHelp:
    'El timbre revisa lo que ha grabado, con sus zonas y varias sensibilidades. Queda anotado en «Quién ha mirado». No cambia nada.',
  trialSpan: 'Grabación',
  spanHour: 'Última hora',
  spanThree: 'Últimas 3 horas',
  spanNight: 'La última noche, de 22 a 6',
  spanHalfDay: 'Últimas 12 horas',
  trialStart: 'Probar',
  trialStop: 'Parar',
  trialLooking: (share) => `Revisando … ${share}`,
  trialLooked: (length) => `${length} de grabación revisados.`,
  trialNow: (count) =>
    count === 1 ? 'Tal como está ahora, se ve 1 aviso.' : `Tal como está ahora, se ven ${count} avisos.`,
  trialTable: 'Lo que habría visto cada sensibilidad',
  trialAt: 'Con',
  trialEvents: 'Avisos',
  trialNew: 'No vistos ahora',
  trialWould: (sensitivity, count) =>
    count === 0
      ? `Con ${sensitivity} no se habría visto nada.`
      : count === 1
        ? `Con ${sensitivity} se habría visto este aviso:`
        : `Con ${sensitivity} se habrían visto estos ${count} avisos:`,
  trialSeenNow: 'también visto ahora',
  trialShown: (shown, all) => `Los primeros ${shown} de ${all}.`,
  trialUse: (sensitivity) => `Poner en ${sensitivity}`,

  keepingFootage: 'Grabación',
  keepingFootageHelp: (bytes) =>
    `Lo más antiguo se destruye. Puede irse antes: cuando el anillo de ${bytes} se llena, lo más viejo deja sitio.`,
  keepingEvents: 'Avisos pasados',
  keepingEventsHelp: 'Timbrazos, movimiento y fallos de la lista «Últimamente». Dicen cuándo hubo gente en la puerta.',
  days: (count) => (count === 1 ? '1 día' : `${count} días`),
  eventsNone: 'Hasta que el aparato se pare',
  shorterDestroys: (length) =>
    `La grabación de más de ${length} se destruye en cuanto guarde, para siempre. No se puede recuperar.`,
  shorterDestroysNow: (length) => `Desaparecerían ${length} de lo grabado que hay ahora.`,
  shorterEvents: 'Los avisos más antiguos se borran en cuanto guarde.',
  confirmShorter: 'Guardar y destruir lo antiguo',

  recoveryLost: 'Este era el único navegador, y se ha perdido',
  recoveryLostHelp:
    'Nadie puede emparejarse desde lejos, y no hay contraseña que restablecer. Vaya al aparato: esto imprime allí un enlace de emparejamiento nuevo.',
  recoveryLocked: 'Si el emparejamiento está bloqueado tras diez fallos, pulse antes el botón de verdad del timbre.',
  recoveryThen:
    'Empareje el navegador nuevo y quite el perdido aquí, en «Propietarios», para que ya no pueda hacer nada.',
  recoverySecond: 'Un segundo navegador, emparejado ahora, le ahorra ir hasta el aparato.',
  backup: 'Copia de seguridad del aparato',
  backupHelp:
    'Una copia lleva la identidad del aparato, sus ajustes y su registro, sellados con una frase de paso; ninguna grabación. Se hace en el aparato, nunca en un navegador: quien la tenga con su frase puede ser su timbre.',
  backupMake: 'Pare el aparato y hágala:',
  backupRestore: 'Recuperarla en una carpeta vacía:',
  backupAfter: 'Después todos se emparejan de nuevo, y nada firmado antes cuenta, salvo las revocaciones.',
  copy: 'Copiar',
  copied: 'Copiado',
};

export const words = inLanguage<SettingsWords>({ en, de, es });
