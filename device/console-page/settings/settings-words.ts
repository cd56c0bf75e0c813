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
    'What it is watching ends at once, and so do its grants, unless the agency’s vault has the clip already. The viewers that it added are removed. To come back, it has to be paired at the device again.',
  removeSelfAsk: 'Remove this browser as an owner?',
  removeSelfConsequence: 'This page closes at once. To come back, this browser has to be paired at the device again.',
  onlyOwner: 'The only owner cannot be removed: nobody could answer requests any more.',
  ownersAdd:
    'To add an owner, open the pairing link on the new phone or computer. Run this at the device to print the link:',

  disclosureHelp:
    'None of this is ever sent automatically. A request may ask for it; it is sent only if you tick it in that request, which shows the exact text.',
  valueNone: 'Nothing to disclose',
  valueTooShort: 'At least three characters.',

  motionOff:
    'Motion detection is turned off in device.json (motion.enabled). These settings have no effect until it is on.',
  zones: 'Where movement counts',
  zonesHelp:
    'Draw areas on the picture: only movement inside them counts. Without areas, movement counts everywhere. Tinted squares show where the detector sees movement now.',
  zonesEverywhere: 'No area is drawn: movement counts everywhere.',
  zonePicture: 'Areas on the picture',
  zoneWord: 'area',
  drawZone: 'Draw an area',
  drawing: 'Draw on the picture, from corner to corner.',
  addZone: 'Add one in the middle',
  zonesFull: 'There are 16 areas, as many as there can be.',
  zoneName: 'Name of the area',
  zoneNameHelp: 'Small letters, digits and hyphens. Events show this name.',
  zoneNameEmpty: 'Give the area a name.',
  zoneNameTwice: 'Two areas have this name.',
  moveZone: (name: string) => `Move ${name}`,
  cornerOf: (name: string, number: number, left: string, top: string) =>
    `Corner ${number} of ${name}: ${left} from the left, ${top} from the top`,
  addCorner: 'Add a corner',
  removeCorner: 'Remove the corner',
  removeZone: 'Remove the area',
  zoneKeys:
    'On the keyboard, the arrow keys move a corner or the whole area, with Shift further; Delete removes a corner.',
  maskLearning: 'Learning the background …',
  maskQuiet: 'Nothing moves now.',
  maskMoves: 'Something moves now.',
  maskGone: 'Current movement cannot be shown. Trying again …',

  sensitivity: 'Sensitivity',
  sensitivityLow: 'Only large movement',
  sensitivityHigh: 'Every leaf',
  sensitivityHelp: 'While you move this, the picture shows which movement counts.',

  trial: 'Try it on recorded footage',
  trialHelp:
    'The doorbell searches its recorded footage with your areas and several sensitivities. The search is listed under “Who looked”. It changes no setting.',
  trialSpan: 'Footage',
  spanHour: 'Last hour',
  spanThree: 'Last 3 hours',
  spanNight: 'Last night, 22 to 6 o’clock',
  spanHalfDay: 'Last 12 hours',
  trialStart: 'Try',
  trialStop: 'Stop',
  trialLooking: (share: string) => `Searching … ${share}`,
  trialLooked: (length: string) => `${length} of footage searched.`,
  trialNow: (count: number) =>
    count === 1 ? 'The settings in force detect 1 event.' : `The settings in force detect ${count} events.`,
  trialTable: 'What each sensitivity would have detected',
  trialAt: 'Sensitivity',
  trialEvents: 'Events',
  trialNew: 'Not detected now',
  trialWould: (sensitivity: number, count: number) =>
    count === 0
      ? `Sensitivity ${sensitivity} would have detected nothing.`
      : count === 1
        ? `Sensitivity ${sensitivity} would have detected this event:`
        : `Sensitivity ${sensitivity} would have detected these ${count} events:`,
  trialSeenNow: 'detected now, too',
  trialShown: (shown: number, all: number) => `The first ${shown} of ${all}.`,
  trialUse: (sensitivity: number) => `Set to ${sensitivity}`,

  keepingFootage: 'Footage',
  keepingFootageHelp: (bytes: string) =>
    `Older footage is destroyed. When the storage of ${bytes} is full, the oldest footage is overwritten earlier.`,
  keepingEvents: 'Past events',
  keepingEventsHelp: 'Rings, movement and faults in the list “Lately”. They show when people were at the door.',
  days: (count: number) => (count === 1 ? '1 day' : `${count} days`),
  eventsNone: 'Until the device stops',
  shorterDestroys: (length: string) =>
    `Footage older than ${length} is destroyed as soon as you save. It cannot be recovered.`,
  shorterDestroysNow: (length: string) => `This destroys ${length} of the footage that exists now.`,
  shorterEvents: 'Older events are erased as soon as you save.',
  confirmShorter: 'Save and destroy older footage',

  recoveryLost: 'If the only paired browser is lost',
  recoveryLostHelp:
    'Nobody can pair remotely, and there is no password to reset. Go to the device and run this; it prints a new pairing link.',
  recoveryLocked: 'If pairing is locked after ten failures, press the doorbell’s real button first.',
  recoveryThen:
    'Pair the new browser, then remove the lost one here under “Owners”, so that it can do nothing any more.',
  recoverySecond: 'Pair a second browser now, and losing one will not lock you out.',
  backup: 'Backup of the device',
  backupHelp:
    'A backup contains the device’s identity, its settings and its ledger, encrypted with a passphrase, and no footage. It is made at the device, never in a browser: whoever has it and the passphrase can impersonate your doorbell.',
  backupMake: 'Stop the device, then make the backup:',
  backupRestore: 'Restore it into an empty folder:',
  backupAfter: 'After a restore every owner has to pair again, and earlier signed orders are void, except revocations.',
  copy: 'Copy',
  copied: 'Copied',
};

type SettingsWords = typeof en;

const de: SettingsWords = {
  jump: 'Teile dieser Seite',
  parts: {
    owners: 'Berechtigte',
    viewers: 'Zuschauer',
    looks: 'Wer Bilder angesehen hat',
    recovery: 'Wiederherstellen und sichern',
    disclosure: 'Über Sie',
    motion: 'Bewegung',
    keeping: 'Wie lange etwas gespeichert bleibt',
  },
  byOwner: 'Von Berechtigten eingestellt',
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
    'Was dort angesehen wird, endet sofort. Freigaben von dort enden, außer das Archiv der Behörde hat den Clip schon. Zuschauer, die dort hinzugefügt wurden, werden entfernt. Um zurückzukehren, muss der Browser am Gerät neu gekoppelt werden.',
  removeSelfAsk: 'Diesem Browser die Berechtigung nehmen?',
  removeSelfConsequence:
    'Diese Seite schließt sofort. Um zurückzukehren, muss dieser Browser am Gerät neu gekoppelt werden.',
  onlyOwner: 'Die einzige berechtigte Person kann nicht entfernt werden: Niemand könnte mehr Anfragen beantworten.',
  ownersAdd:
    'Um Berechtigte hinzuzufügen, öffnen Sie den Kopplungslink auf deren Telefon oder Rechner. Am Gerät gibt ihn dieser Befehl aus:',

  disclosureHelp:
    'Nichts davon wird je von selbst gesendet. Eine Anfrage kann danach fragen; gesendet wird es nur, wenn Sie es in dieser Anfrage ankreuzen, die den genauen Text zeigt.',
  valueNone: 'Keine Angabe',
  valueTooShort: 'Mindestens drei Zeichen.',

  motionOff:
    'Die Bewegungserkennung ist in device.json ausgeschaltet (motion.enabled). Diese Einstellungen wirken erst, wenn sie an ist.',
  zones: 'Wo Bewegung zählt',
  zonesHelp:
    'Zeichnen Sie Bereiche auf das Bild: Nur darin zählt Bewegung. Ohne Bereich zählt sie überall. Getönte Kästchen zeigen, wo gerade Bewegung erkannt wird.',
  zonesEverywhere: 'Kein Bereich ist gezeichnet: Bewegung zählt überall.',
  zonePicture: 'Bereiche auf dem Bild',
  zoneWord: 'bereich',
  drawZone: 'Bereich zeichnen',
  drawing: 'Auf dem Bild von Ecke zu Ecke ziehen.',
  addZone: 'Einen in die Mitte setzen',
  zonesFull: 'Es sind 16 Bereiche, mehr sind nicht möglich.',
  zoneName: 'Name des Bereichs',
  zoneNameHelp: 'Kleine Buchstaben, Ziffern und Bindestriche. Ereignisse zeigen diesen Namen.',
  zoneNameEmpty: 'Geben Sie dem Bereich einen Namen.',
  zoneNameTwice: 'Zwei Bereiche heißen so.',
  moveZone: (name) => `${name} verschieben`,
  cornerOf: (name, number, left, top) => `Ecke ${number} von ${name}: ${left} von links, ${top} von oben`,
  addCorner: 'Ecke hinzufügen',
  removeCorner: 'Ecke entfernen:',
  removeZone: 'Bereich entfernen',
  zoneKeys:
    'Auf der Tastatur bewegen die Pfeiltasten eine Ecke oder den ganzen Bereich, mit Umschalt weiter; Entf entfernt eine Ecke.',
  maskLearning: 'Lernt den Hintergrund …',
  maskQuiet: 'Gerade bewegt sich nichts.',
  maskMoves: 'Gerade bewegt sich etwas.',
  maskGone: 'Bewegung kann gerade nicht gezeigt werden. Neuer Versuch …',

  sensitivity: 'Empfindlichkeit',
  sensitivityLow: 'Nur große Bewegung',
  sensitivityHigh: 'Jedes Blatt',
  sensitivityHelp: 'Während Sie den Regler bewegen, zeigt das Bild, welche Bewegung zählt.',

  trial: 'An Aufnahmen ausprobieren',
  trialHelp:
    'Die Türklingel durchsucht ihre Aufnahmen mit Ihren Bereichen und mehreren Empfindlichkeiten. Die Suche steht danach unter „Wer Bilder angesehen hat“. Sie ändert keine Einstellung.',
  trialSpan: 'Aufnahmen',
  spanHour: 'Letzte Stunde',
  spanThree: 'Letzte 3 Stunden',
  spanNight: 'Letzte Nacht, 22 bis 6 Uhr',
  spanHalfDay: 'Letzte 12 Stunden',
  trialStart: 'Ausprobieren',
  trialStop: 'Anhalten',
  trialLooking: (share) => `Durchsucht … ${share}`,
  trialLooked: (length) => `${length} Aufnahmen durchsucht.`,
  trialNow: (count) =>
    count === 1
      ? 'Mit den geltenden Einstellungen wird 1 Ereignis erkannt.'
      : `Mit den geltenden Einstellungen werden ${count} Ereignisse erkannt.`,
  trialTable: 'Was mit jeder Empfindlichkeit erkannt worden wäre',
  trialAt: 'Empfindlichkeit',
  trialEvents: 'Ereignisse',
  trialNew: 'Jetzt nicht erkannt',
  trialWould: (sensitivity, count) =>
    count === 0
      ? `Mit Empfindlichkeit ${sensitivity} wäre nichts erkannt worden.`
      : count === 1
        ? `Mit Empfindlichkeit ${sensitivity} wäre dieses Ereignis erkannt worden:`
        : `Mit Empfindlichkeit ${sensitivity} wären diese ${count} Ereignisse erkannt worden:`,
  trialSeenNow: 'auch jetzt erkannt',
  trialShown: (shown, all) => `Die ersten ${shown} von ${all}.`,
  trialUse: (sensitivity) => `Auf ${sensitivity} stellen`,

  keepingFootage: 'Aufnahmen',
  keepingFootageHelp: (bytes) =>
    `Ältere Aufnahmen werden vernichtet. Ist der Speicher von ${bytes} voll, werden die ältesten Aufnahmen schon früher überschrieben.`,
  keepingEvents: 'Vergangene Ereignisse',
  keepingEventsHelp: 'Klingeln, Bewegung und Störungen in der Liste „Zuletzt“. Sie zeigen, wann jemand an der Tür war.',
  days: (count) => (count === 1 ? '1 Tag' : `${count} Tage`),
  eventsNone: 'Bis das Gerät anhält',
  shorterDestroys: (length) =>
    `Aufnahmen, die älter als ${length} sind, werden beim Speichern vernichtet. Sie lassen sich nicht wiederherstellen.`,
  shorterDestroysNow: (length) => `Das vernichtet ${length} der jetzt vorhandenen Aufnahmen.`,
  shorterEvents: 'Ältere Ereignisse werden beim Speichern gelöscht.',
  confirmShorter: 'Speichern und ältere Aufnahmen vernichten',

  recoveryLost: 'Wenn der einzige gekoppelte Browser verloren ist',
  recoveryLostHelp:
    'Niemand kann aus der Ferne koppeln, und es gibt kein Passwort zum Zurücksetzen. Am Gerät gibt dieser Befehl einen neuen Kopplungslink aus.',
  recoveryLocked:
    'Ist das Koppeln nach zehn Fehlversuchen gesperrt, drücken Sie zuerst den echten Taster der Türklingel.',
  recoveryThen:
    'Koppeln Sie den neuen Browser und entfernen Sie den verlorenen hier unter „Berechtigte“, damit er nichts mehr kann.',
  recoverySecond: 'Koppeln Sie jetzt einen zweiten Browser, dann sperrt Sie der Verlust eines Browsers nicht aus.',
  backup: 'Sicherung des Geräts',
  backupHelp:
    'Eine Sicherung enthält die Identität des Geräts, seine Einstellungen und sein Logbuch, verschlüsselt mit einer Passphrase, und keine Aufnahmen. Sie wird am Gerät gemacht, nie im Browser: Wer sie und die Passphrase hat, kann sich als Ihre Türklingel ausgeben.',
  backupMake: 'Halten Sie das Gerät an, und machen Sie dann die Sicherung:',
  backupRestore: 'In einem leeren Ordner wiederherstellen:',
  backupAfter:
    'Nach dem Wiederherstellen müssen alle Berechtigten neu koppeln, und früher signierte Aufträge gelten nicht mehr, außer Widerrufen.',
  copy: 'Kopieren',
  copied: 'Kopiert',
};

const es: SettingsWords = {
  jump: 'Partes de esta página',
  parts: {
    owners: 'Propietarios',
    viewers: 'Espectadores',
    looks: 'Quién ha visto imágenes',
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

  ownersHelp: 'Los propietarios lo ven todo y deciden qué sale de casa. Se emparejan en el dispositivo con un código.',
  thisBrowser: 'Este navegador',
  ownerSince: (time) => `desde ${time}`,
  removeOwnerAsk: (name) => `¿Quitar a ${name} como propietario?`,
  removeOwnerConsequence:
    'Lo que esté viendo termina en el acto, y también sus permisos, salvo que el archivo de la autoridad ya tenga el clip. Los espectadores que añadió se quitan. Para volver, tiene que emparejarse de nuevo en el dispositivo.',
  removeSelfAsk: '¿Quitar este navegador como propietario?',
  removeSelfConsequence:
    'Esta página se cierra en el acto. Para volver, este navegador tiene que emparejarse de nuevo en el dispositivo.',
  onlyOwner: 'El único propietario no se puede quitar: nadie podría contestar ya las solicitudes.',
  ownersAdd:
    'Para añadir un propietario, abra el enlace de emparejamiento en su teléfono u ordenador. En el dispositivo, esta orden muestra el enlace:',

  disclosureHelp:
    'Nada de esto se envía nunca por sí solo. Una solicitud puede pedirlo; solo se envía si usted lo marca en esa solicitud, que muestra el texto exacto.',
  valueNone: 'Sin dato',
  valueTooShort: 'Al menos tres caracteres.',

  motionOff:
    'La detección de movimiento está desactivada en device.json (motion.enabled). Estos ajustes no tienen efecto hasta que se active.',
  zones: 'Dónde cuenta el movimiento',
  zonesHelp:
    'Dibuje zonas sobre la imagen: solo cuenta el movimiento dentro de ellas. Sin zonas, cuenta en todas partes. Los cuadros teñidos muestran dónde se detecta movimiento ahora.',
  zonesEverywhere: 'No hay ninguna zona: el movimiento cuenta en todas partes.',
  zonePicture: 'Zonas sobre la imagen',
  zoneWord: 'zona',
  drawZone: 'Dibujar una zona',
  drawing: 'Dibuje sobre la imagen, de esquina a esquina.',
  addZone: 'Poner una en el centro',
  zonesFull: 'Hay 16 zonas, no caben más.',
  zoneName: 'Nombre de la zona',
  zoneNameHelp: 'Minúsculas, cifras y guiones. Los eventos muestran este nombre.',
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
  maskLearning: 'Aprendiendo el fondo …',
  maskQuiet: 'Nada se mueve ahora.',
  maskMoves: 'Algo se mueve ahora.',
  maskGone: 'No se puede mostrar el movimiento. Reintentando …',

  sensitivity: 'Sensibilidad',
  sensitivityLow: 'Solo movimiento grande',
  sensitivityHigh: 'Cada hoja',
  sensitivityHelp: 'Mientras mueve esto, la imagen muestra qué movimiento cuenta.',

  trial: 'Probarlo con lo grabado',
  trialHelp:
    'El timbre busca en lo grabado con sus zonas y varias sensibilidades. La búsqueda queda anotada en «Quién ha visto imágenes». No cambia ningún ajuste.',
  trialSpan: 'Grabación',
  spanHour: 'Última hora',
  spanThree: 'Últimas 3 horas',
  spanNight: 'La última noche, de 22 a 6',
  spanHalfDay: 'Últimas 12 horas',
  trialStart: 'Probar',
  trialStop: 'Parar',
  trialLooking: (share) => `Buscando … ${share}`,
  trialLooked: (length) => `${length} de grabación revisados.`,
  trialNow: (count) =>
    count === 1 ? 'Los ajustes actuales detectan 1 evento.' : `Los ajustes actuales detectan ${count} eventos.`,
  trialTable: 'Lo que habría detectado cada sensibilidad',
  trialAt: 'Sensibilidad',
  trialEvents: 'Eventos',
  trialNew: 'No detectados ahora',
  trialWould: (sensitivity, count) =>
    count === 0
      ? `La sensibilidad ${sensitivity} no habría detectado nada.`
      : count === 1
        ? `La sensibilidad ${sensitivity} habría detectado este evento:`
        : `La sensibilidad ${sensitivity} habría detectado estos ${count} eventos:`,
  trialSeenNow: 'también detectado ahora',
  trialShown: (shown, all) => `Los primeros ${shown} de ${all}.`,
  trialUse: (sensitivity) => `Poner en ${sensitivity}`,

  keepingFootage: 'Grabación',
  keepingFootageHelp: (bytes) =>
    `La grabación más antigua se destruye. Cuando el almacenamiento de ${bytes} está lleno, lo más antiguo se sobrescribe antes.`,
  keepingEvents: 'Eventos pasados',
  keepingEventsHelp:
    'Llamadas, movimiento y fallos de la lista «Últimos eventos». Muestran cuándo hubo gente en la puerta.',
  days: (count) => (count === 1 ? '1 día' : `${count} días`),
  eventsNone: 'Hasta que el dispositivo se pare',
  shorterDestroys: (length) => `La grabación de más de ${length} se destruye en cuanto guarde. No se puede recuperar.`,
  shorterDestroysNow: (length) => `Esto destruye ${length} de lo grabado que hay ahora.`,
  shorterEvents: 'Los eventos más antiguos se borran en cuanto guarde.',
  confirmShorter: 'Guardar y destruir la grabación antigua',

  recoveryLost: 'Si se pierde el único navegador emparejado',
  recoveryLostHelp:
    'Nadie puede emparejarse a distancia, y no hay contraseña que restablecer. En el dispositivo, esta orden muestra un enlace de emparejamiento nuevo.',
  recoveryLocked: 'Si el emparejamiento está bloqueado tras diez fallos, pulse antes el botón real del timbre.',
  recoveryThen:
    'Empareje el navegador nuevo y quite el perdido aquí, en «Propietarios», para que ya no pueda hacer nada.',
  recoverySecond: 'Empareje ahora un segundo navegador; así, perder uno no le deja fuera.',
  backup: 'Copia de seguridad del dispositivo',
  backupHelp:
    'Una copia contiene la identidad del dispositivo, sus ajustes y su registro, cifrados con una frase de contraseña, y ninguna grabación. Se hace en el dispositivo, nunca en un navegador: quien tenga la copia y la frase puede hacerse pasar por su timbre.',
  backupMake: 'Pare el dispositivo y haga la copia:',
  backupRestore: 'Restáurela en una carpeta vacía:',
  backupAfter:
    'Después de restaurarla, todos los propietarios tienen que emparejarse de nuevo, y las órdenes firmadas antes ya no valen, salvo las revocaciones.',
  copy: 'Copiar',
  copied: 'Copiado',
};

export const words = inLanguage<SettingsWords>({ en, de, es });
