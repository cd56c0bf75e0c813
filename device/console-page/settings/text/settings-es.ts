// Owns: the words of the page "Settings" in Spanish. Not here: which language is shown (choose-language.ts).
import type { SettingsWords } from './settings-en.ts';

export const settingsEs: SettingsWords = {
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
  values: { name: 'Nombre', address: 'Dirección', email: 'Correo electrónico', phone: 'Teléfono' },
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
