// Owns: the words of the page "What has left" in Spanish. Not here: which language is shown (choose-language.ts).
import type { LeftWords } from './left-en.ts';

export const leftEs: LeftWords = {
  nothing: 'Nunca ha salido nada de este dispositivo.',
  nothingHelp:
    'No se ha enviado a nadie ningún clip ni ningún dato suyo. Cuando autorice una solicitud, lo que salga aparecerá aquí desde el momento en que empiece el envío.',
  asking: 'Preguntando al timbre …',
  count: (count) =>
    count === 1 ? 'Un clip ha salido de este dispositivo.' : `${count} clips han salido de este dispositivo.`,
  countHelp: 'Cada uno queda en esta lista para siempre, también si se retiró.',
  older: 'Mostrar anteriores',

  petOwner: 'Alguien que busca una mascota',
  petOwnerHelp: (id) => `Conocido solo por una clave: ${id}`,
  agencyHelp: (domain, kind) => `${domain} · ${kind}, verificada por el registro cuando usted autorizó`,
  kinds: {
    municipal: 'agencia municipal',
    county: 'agencia del condado',
    state: 'agencia estatal',
    federal: 'agencia federal',
  },

  labels: {
    sending: 'Enviando',
    stopped: 'Interrumpido',
    stored: 'Enviado',
    'in-vault': 'En el archivo',
    revoking: 'Retirándose',
    'nothing-arrived': 'No llegó nada',
    'erased-at-bridge': 'Borrado',
    'erased-at-vault': 'Borrado',
    restricted: 'Restringido',
    kept: 'Conservado',
  },
  outcomes: {
    sending: 'Se está enviando. Una parte puede estar ya fuera.',
    stopped:
      'El envío terminó antes de que el puente confirmara el clip, así que una parte puede estar allí. Si lo retira, el puente borra lo que tenga.',
    stored: (when) => `El puente lo tiene entero desde el ${when}.`,
    storedMayMove: 'Puede haberlo entregado ya al archivo de la agencia; la comprobación lo dice.',
    'in-vault': (when) =>
      `El puente lo entregó al archivo de la agencia el ${when}. Cuánto tiempo queda allí lo deciden las normas del departamento; a este dispositivo no se le informa.`,
    'at-bridge': 'Según el registro del puente, no se ha entregado a ningún archivo.',
    revoking: (when) =>
      `Se retiró el ${when}. No se envía nada más. El puente no ha respondido todavía; se le pregunta hasta que lo haga.`,
    'nothing-arrived': (when) =>
      `Se retiró antes de que llegara nada: el puente firmó el ${when} que no tiene nada de él.`,
    'erased-at-bridge': (when) => `Se retiró. El puente firmó el ${when} que lo ha borrado por completo.`,
    'erased-at-vault': (when) =>
      `Se retiró cuando el archivo ya lo tenía. El archivo firmó que lo ha borrado; la respuesta llegó el ${when}.`,
    restricted: (when) =>
      `Se retiró cuando el archivo ya lo tenía. No lo borra: según las normas del departamento se conserva, restringido. La respuesta firmada del archivo llegó el ${when}.`,
    kept: (when) =>
      `Se retiró cuando el archivo ya lo tenía. El departamento lo conserva. La respuesta firmada del archivo llegó el ${when}.`,
    reason: (words) => `Su motivo: «${words}»`,
    stoppedBy: (words) => `Motivo: ${words}`,
  },

  footage: 'Grabación',
  footageOf: (day, from, to, length) => `${day}, de ${from} a ${to} (${length})`,
  seeFootage: 'Verla en el historial',
  disclosed: 'Se dijo de usted',
  disclosedNothing: 'nada',
  disclosedUnkept: 'entonces no se guardaban los valores',
  keys: { name: 'Nombre', address: 'Dirección', email: 'Correo', phone: 'Teléfono' },
  sound: 'Sonido',
  soundWith: 'con sonido',
  soundWithout: 'sin sonido',
  blackedOut: (zones) => (zones === 1 ? 'una zona tapada' : `${zones} zonas tapadas`),
  reason: 'Para',
  granted: 'Autorizado',
  grantedBy: {
    you: 'por usted, en este navegador',
    other: 'por otro propietario, o desde otro navegador o terminal',
  },
  sent: 'Empezó el envío',

  more: 'Cómo se cortó, y su hash',
  method: 'Corte',
  methods: {
    copy: 'copiado; no se volvió a codificar ninguna imagen',
    'smart-cut': 'solo se volvieron a codificar las imágenes hasta el primer fotograma clave; las demás se copiaron',
    're-encode': 'se volvieron a codificar todas las imágenes',
  },
  frames: 'Imágenes',
  size: 'Tamaño',
  sha256: 'SHA-256 del clip',
  ids: 'Autorización y solicitud',

  check: 'Comprobar la prueba',
  checking: 'Pregunta al puente y comprueba …',
  checkAgain: 'Comprobar de nuevo',
  checkHelp: 'Comprobado en este navegador, con la clave del puente que su timbre fijó.',
  holds: 'Todo lo que muestra el puente es válido.',
  holdsNot: 'No todo es válido.',
  holdsNotHelp:
    'Lo marcado abajo no es lo que su timbre ha registrado, o no está firmado por el puente que conoce. No se fíe de ello.',
  storedOk: (when) => `Recibo: firmado por el puente el ${when}, exactamente para este clip.`,
  storedBad: (why) => `El recibo no es válido: ${why}.`,
  answerOk: (when) => `Respuesta a la retirada: firmada por el puente el ${when}.`,
  answerBad: (why) => `La respuesta a la retirada no es válida: ${why}.`,
  leafBad: (why) => `Una entrada del registro del puente no es válida: ${why}.`,
  leaf: {
    intake: 'recibido',
    'hand-over': 'entregado al archivo',
    recall: 'retirada pedida al archivo',
    deletion: 'borrado en el puente',
    access: 'consultado',
    dispute: 'manifiesto abierto',
  },
  recallAnswers: {
    pending: 'retirada pedida al archivo',
    erased: 'el archivo respondió a la retirada: borrado',
    restricted: 'el archivo respondió a la retirada: restringido',
    kept: 'el archivo respondió a la retirada: conservado',
  },
  leafOk: (what, when) => `En el registro: ${what}, ${when}.`,
  leafPlace: (leaf, size) => `hoja ${leaf} de ${size}`,
  cosigned: (count) =>
    count === 0
      ? 'ningún testigo lo ha firmado todavía'
      : count === 1
        ? 'firmado también por 1 testigo'
        : `firmado también por ${count} testigos`,
  witnesses:
    'Su timbre no sabe quiénes son los testigos. `doorsill verify --witness-key` comprueba con claves que usted conoce.',
  partial: 'Este puente muestra solo la última entrada; lo anterior no se conoce aquí.',
  noClip: 'El puente no conoce ningún clip de esta autorización. Lo que guardó este timbre está arriba.',

  takeBack: 'Retirar',
  takeBackTitle: '¿Retirar este clip?',
  takeBackSending: 'El envío termina enseguida y el puente borra lo que tenga.',
  takeBackStored:
    'Mientras lo tiene el puente, se borra allí y ya nadie lo ve. Si ya lo tiene el archivo de la agencia, deciden las normas del departamento: borrar, restringir o conservar. Usted ve la respuesta que firma.',
  takeBackPet: 'El puente lo borra. Lo que el dueño de la mascota haya descargado antes se queda con él.',
  takingBack: 'Retirando …',
  keep: 'Dejarlo',
};
