// Owns: the words of the page "What has left", in every language, and those of the page's. Not here: which language that is (choose-language.ts).
import { inLanguage } from '../kit/choose-language.ts';

const en = {
  nothing: 'Nothing has ever left this device.',
  nothingHelp:
    'No clip and no fact about you was sent to anybody. When you grant a request, what leaves is listed here from the moment in which sending begins.',
  asking: 'Asking the doorbell …',
  count: (count: number) => (count === 1 ? 'One clip has left this device.' : `${count} clips have left this device.`),
  countHelp: 'Each is listed for good, also when it was taken back.',
  older: 'Show older',

  petOwner: 'Somebody who searches for a pet',
  petOwnerHelp: (id: string) => `Known by a key alone: ${id}`,
  agencyHelp: (domain: string, kind: string) => `${domain} · ${kind}, verified by the registry when you granted`,
  kinds: { municipal: 'city agency', county: 'county agency', state: 'state agency', federal: 'federal agency' },

  labels: {
    sending: 'Sending',
    stopped: 'Ended early',
    stored: 'Sent',
    'in-vault': 'In the vault',
    revoking: 'Being taken back',
    'nothing-arrived': 'Nothing arrived',
    'erased-at-bridge': 'Erased',
    'erased-at-vault': 'Erased',
    restricted: 'Restricted',
    kept: 'Kept',
  },
  outcomes: {
    sending: 'It is being sent. A part of it may be outside already.',
    stopped:
      'Sending ended before the bridge had confirmed the clip, so a part of it may be there. If you take it back, the bridge erases what it has.',
    stored: (when: string) => `The bridge has had all of it since ${when}.`,
    storedMayMove: 'It may have handed it to the agency’s vault meanwhile; the check tells.',
    'in-vault': (when: string) =>
      `The bridge handed it to the agency’s vault on ${when}. How long it stays there, the department’s policy says; this device is not told.`,
    'at-bridge': 'By the bridge’s log it has not been handed to a vault.',
    revoking: (when: string) =>
      `It was taken back on ${when}. Nothing more is sent. The bridge has not answered yet; it is asked until it does.`,
    'nothing-arrived': (when: string) =>
      `It was taken back before any of it had arrived: the bridge signed on ${when} that it has none of it.`,
    'erased-at-bridge': (when: string) =>
      `It was taken back. The bridge signed on ${when} that it has erased all of it.`,
    'erased-at-vault': (when: string) =>
      `It was taken back when the vault had it already. The vault signed that it has erased it; this came on ${when}.`,
    restricted: (when: string) =>
      `It was taken back when the vault had it already. It does not erase it: by the department’s policy it is kept and restricted. The vault’s signed answer came on ${when}.`,
    kept: (when: string) =>
      `It was taken back when the vault had it already. The department keeps it. The vault’s signed answer came on ${when}.`,
    reason: (words: string) => `Its reason: “${words}”`,
    stoppedBy: (words: string) => `Why: ${words}`,
  },

  footage: 'Footage',
  footageOf: (day: string, from: string, to: string, length: string) => `${day}, ${from} to ${to} (${length})`,
  seeFootage: 'See it on the timeline',
  disclosed: 'Said about you',
  disclosedNothing: 'nothing',
  disclosedUnkept: 'the values were not kept then',
  sound: 'Sound',
  soundWith: 'with sound',
  soundWithout: 'without sound',
  blackedOut: (zones: number) => (zones === 1 ? 'one area blacked out' : `${zones} areas blacked out`),
  reason: 'For',
  granted: 'Granted',
  grantedBy: { you: 'by you, in this browser', other: 'by another owner, or from another browser or terminal' },
  sent: 'Sending began',

  more: 'How it was cut, and its hash',
  method: 'Cut',
  methods: {
    copy: 'copied; no picture was encoded again',
    'smart-cut': 'only the pictures up to the first keyframe were encoded again, all others copied',
    're-encode': 'every picture was encoded again',
  },
  frames: 'Pictures',
  size: 'Size',
  sha256: 'SHA-256 of the clip',
  ids: 'Grant and request',

  check: 'Check the proof',
  checking: 'Asks the bridge and checks …',
  checkAgain: 'Check again',
  checkHelp: 'Checked in this browser, against the key of the bridge that your doorbell pinned.',
  holds: 'Everything the bridge shows verifies.',
  holdsNot: 'Not everything verifies.',
  holdsNotHelp:
    'What is marked below is not what your doorbell has recorded, or not signed by the bridge that it knows. Do not rely on it.',
  storedOk: (when: string) => `Receipt: signed by the bridge on ${when}, for exactly this clip.`,
  storedBad: (why: string) => `The receipt does not verify: ${why}.`,
  answerOk: (when: string) => `Answer to taking it back: signed by the bridge on ${when}.`,
  answerBad: (why: string) => `The answer to taking it back does not verify: ${why}.`,
  leafBad: (why: string) => `An entry of the bridge’s log does not verify: ${why}.`,
  leaf: {
    intake: 'taken in',
    'hand-over': 'handed to the vault',
    recall: 'recall sent to the vault',
    deletion: 'erased at the bridge',
    access: 'looked at',
    dispute: 'manifest opened',
  },
  recallAnswers: {
    pending: 'recall sent to the vault',
    erased: 'the vault answered the recall: erased',
    restricted: 'the vault answered the recall: restricted',
    kept: 'the vault answered the recall: kept',
  },
  leafOk: (what: string, when: string) => `In the log: ${what}, ${when}.`,
  leafPlace: (leaf: string, size: string) => `leaf ${leaf} of ${size}`,
  cosigned: (count: number) =>
    count === 0
      ? 'not cosigned by a witness yet'
      : count === 1
        ? 'cosigned by 1 witness'
        : `cosigned by ${count} witnesses`,
  witnesses:
    'Your doorbell does not know who the witnesses are. `doorsill verify --witness-key` checks with keys that you know.',
  partial: 'This bridge shows the latest entry alone, so what happened before it is not known here.',
  noClip: 'The bridge knows no clip of this grant. What this doorbell has kept is above.',

  takeBack: 'Take it back',
  takeBackTitle: 'Take this clip back?',
  takeBackSending: 'Sending ends at once, and the bridge erases what it has.',
  takeBackStored:
    'While the bridge has it, it is erased there and nobody sees it any more. If the agency’s vault has it already, the department’s policy decides: erase, restrict or keep. You are shown the answer it signs.',
  takeBackPet: 'The bridge erases it. What the pet’s owner has downloaded before stays with them.',
  takingBack: 'Takes it back …',
  keep: 'Leave it',
};

/** What every language has. */
type LeftWords = typeof en;

const de: LeftWords = {
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

const es: LeftWords = {
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

export const words = inLanguage<LeftWords>({ en, de, es });
