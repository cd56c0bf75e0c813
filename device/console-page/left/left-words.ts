import { inLanguage } from '../kit/choose-language.ts';

const en = {
  nothing: 'Nothing has ever left this device.',
  nothingHelp:
    'No clip and no fact about you was sent to anybody. When you grant a request, its clip is listed here as soon as sending begins.',
  asking: 'Asking the doorbell …',
  count: (count: number) => (count === 1 ? 'One clip has left this device.' : `${count} clips have left this device.`),
  countHelp: 'Each stays in this list forever, even if it was taken back.',
  older: 'Show older',

  petOwner: 'Somebody looking for a pet',
  petOwnerHelp: (id: string) => `Known only by a key: ${id}`,
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
    sending: 'The clip is being sent. A part of it may have left already.',
    stopped:
      'Sending ended before the bridge had confirmed the clip, so a part of it may be there. If you take it back, the bridge erases what it has.',
    stored: (when: string) => `The bridge has had the whole clip since ${when}.`,
    storedMayMove: 'It may have handed the clip to the agency’s vault since then; check the proof to find out.',
    'in-vault': (when: string) =>
      `The bridge handed it to the agency’s vault on ${when}. The department’s policy decides how long it stays there; this device is not informed.`,
    'at-bridge': 'According to the bridge’s log, it has not been handed to a vault.',
    revoking: (when: string) =>
      `It was taken back on ${when}. Nothing more is sent. The bridge has not answered yet; your doorbell keeps asking.`,
    'nothing-arrived': (when: string) =>
      `It was taken back before any of it had arrived: the bridge signed on ${when} that it has none of it.`,
    'erased-at-bridge': (when: string) =>
      `It was taken back. The bridge signed on ${when} that it has erased all of it.`,
    'erased-at-vault': (when: string) =>
      `It was taken back when the vault had it already. The vault signed that it has erased it; its answer came on ${when}.`,
    restricted: (when: string) =>
      `It was taken back when the vault had it already. The vault does not erase it: by the department’s policy it is kept with restricted access. The vault’s signed answer came on ${when}.`,
    kept: (when: string) =>
      `It was taken back when the vault had it already. The department keeps it. The vault’s signed answer came on ${when}.`,
    reason: (words: string) => `Its reason: “${words}”`,
    stoppedBy: (words: string) => `Why: ${words}`,
  },

  footage: 'Footage',
  footageOf: (day: string, from: string, to: string, length: string) => `${day}, ${from} to ${to} (${length})`,
  seeFootage: 'See it on the timeline',
  disclosed: 'Facts about you',
  disclosedNothing: 'nothing',
  disclosedUnkept: 'the values were not recorded at that time',
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
    copy: 'copied; no frame was encoded again',
    'smart-cut': 'only the frames up to the first keyframe were encoded again, all others copied',
    're-encode': 'every frame was encoded again',
  },
  frames: 'Frames',
  size: 'Size',
  sha256: 'SHA-256 of the clip',
  ids: 'Grant and request',
  contentKey: 'Content key',
  contentKeyHelp: 'For a dispute: it opens the encrypted file that was sent. Whoever has both can see the clip.',
  saveContentKey: 'Save the key',

  check: 'Check the proof',
  checking: 'Asking the bridge and checking …',
  checkAgain: 'Check again',
  checkHelp: 'Checked in this browser with the bridge’s key that your doorbell stored at enrolment.',
  holds: 'Everything the bridge shows verifies.',
  holdsNot: 'Not everything verifies.',
  holdsNotHelp:
    'The entries marked below differ from your doorbell’s records, or are not signed by the bridge that it knows. Do not rely on them.',
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
  openers: { vault: 'the agency’s vault', recipient: 'the recipient' },
  openedBy: (who: string) => `opened by ${who}, which found it as granted`,
  refusedBy: (who: string, why: string) => `refused by ${who}, which shows nothing of it (${why})`,
  refusals: {
    key: 'its key does not open',
    file: 'its encrypted file does not open',
    contents: 'the facts or areas in it are not those that were stated',
    clip: 'it is not the clip that was stated',
    recording: 'it is not a plain recording of the stated frames and times',
    zones: 'a frame does not decode, or shows what was to be blacked out',
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
  partial: 'This bridge shows only the latest entry, so earlier ones are not known here.',
  noClip: 'The bridge knows no clip of this grant. This doorbell’s own records are shown above.',

  takeBack: 'Take it back',
  takeBackTitle: 'Take this clip back?',
  takeBackSending: 'Sending ends at once, and the bridge erases what it has.',
  takeBackStored:
    'If only the bridge has it, it is erased there and nobody can see it any more. If the agency’s vault has it already, the department’s policy decides whether to erase, restrict or keep it. You will see the signed answer.',
  takeBackPet: 'The bridge erases it. A copy that the pet’s owner has downloaded already stays with them.',
  takingBack: 'Taking it back …',
  keep: 'Cancel',
};

type LeftWords = typeof en;

const de: LeftWords = {
  nothing: 'Noch nie hat etwas dieses Gerät verlassen.',
  nothingHelp:
    'Kein Clip und keine Angabe über Sie wurde an irgendwen gesendet. Wenn Sie eine Anfrage freigeben, erscheint ihr Clip hier, sobald das Senden beginnt.',
  asking: 'Die Türklingel wird gefragt …',
  count: (count) =>
    count === 1 ? 'Ein Clip hat dieses Gerät verlassen.' : `${count} Clips haben dieses Gerät verlassen.`,
  countHelp: 'Jeder bleibt für immer in dieser Liste, auch wenn er zurückgenommen wurde.',
  older: 'Ältere anzeigen',

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
    restricted: 'Eingeschränkt',
    kept: 'Behalten',
  },
  outcomes: {
    sending: 'Der Clip wird gesendet. Ein Teil davon kann das Haus schon verlassen haben.',
    stopped:
      'Das Senden endete, bevor die Brücke den Clip bestätigt hatte; ein Teil davon kann dort sein. Nehmen Sie ihn zurück, löscht die Brücke, was sie hat.',
    stored: (when) => `Die Brücke hat den ganzen Clip seit ${when}.`,
    storedMayMove: 'Vielleicht hat sie ihn inzwischen dem Archiv der Behörde übergeben; „Nachweis prüfen“ zeigt es.',
    'in-vault': (when) =>
      `Die Brücke hat ihn am ${when} dem Archiv der Behörde übergeben. Die Regeln der Behörde bestimmen, wie lange er dort bleibt; dieses Gerät erfährt es nicht.`,
    'at-bridge': 'Nach dem Protokoll der Brücke wurde er keinem Archiv übergeben.',
    revoking: (when) =>
      `Er wurde am ${when} zurückgenommen. Es wird nichts mehr gesendet. Die Brücke hat noch nicht geantwortet; Ihre Türklingel fragt weiter.`,
    'nothing-arrived': (when) =>
      `Er wurde zurückgenommen, bevor etwas angekommen war: Die Brücke hat am ${when} signiert, dass sie nichts davon hat.`,
    'erased-at-bridge': (when) =>
      `Er wurde zurückgenommen. Die Brücke hat am ${when} signiert, dass sie ihn ganz gelöscht hat.`,
    'erased-at-vault': (when) =>
      `Er wurde zurückgenommen, als das Archiv ihn schon hatte. Das Archiv hat signiert, dass es ihn gelöscht hat; seine Antwort kam am ${when}.`,
    restricted: (when) =>
      `Er wurde zurückgenommen, als das Archiv ihn schon hatte. Das Archiv löscht ihn nicht: Nach den Regeln der Behörde bleibt er dort, mit eingeschränktem Zugang. Die signierte Antwort des Archivs kam am ${when}.`,
    kept: (when) =>
      `Er wurde zurückgenommen, als das Archiv ihn schon hatte. Die Behörde behält ihn. Die signierte Antwort des Archivs kam am ${when}.`,
    reason: (words) => `Begründung: „${words}“`,
    stoppedBy: (words) => `Grund: ${words}`,
  },

  footage: 'Aufnahme',
  footageOf: (day, from, to, length) => `${day}, ${from} bis ${to} (${length})`,
  seeFootage: 'Im Verlauf ansehen',
  disclosed: 'Angaben über Sie',
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
    other: 'von anderen Berechtigten, oder von einem anderen Browser oder Terminal aus',
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
  contentKey: 'Schlüssel des Clips',
  contentKeyHelp:
    'Für einen Streitfall: Er öffnet die verschlüsselte Datei, die gesendet wurde. Wer beides hat, kann den Clip sehen.',
  saveContentKey: 'Schlüssel speichern',

  check: 'Nachweis prüfen',
  checking: 'Die Brücke wird gefragt und der Nachweis geprüft …',
  checkAgain: 'Noch einmal prüfen',
  checkHelp:
    'Geprüft in diesem Browser, mit dem Schlüssel der Brücke, den Ihre Türklingel bei der Anmeldung gespeichert hat.',
  holds: 'Alle Nachweise der Brücke sind gültig.',
  holdsNot: 'Nicht alle Nachweise sind gültig.',
  holdsNotHelp:
    'Die unten markierten Einträge passen nicht zu den Aufzeichnungen Ihrer Türklingel oder sind nicht von der Brücke signiert, die sie kennt. Verlassen Sie sich nicht darauf.',
  storedOk: (when) => `Quittung: von der Brücke am ${when} signiert, für genau diesen Clip.`,
  storedBad: (why) => `Die Quittung ist ungültig: ${why}.`,
  answerOk: (when) => `Antwort auf die Rücknahme: von der Brücke am ${when} signiert.`,
  answerBad: (why) => `Die Antwort auf die Rücknahme ist ungültig: ${why}.`,
  leafBad: (why) => `Ein Eintrag im Protokoll der Brücke ist ungültig: ${why}.`,
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
    restricted: 'das Archiv hat auf den Rückruf den Zugang eingeschränkt',
    kept: 'das Archiv behält ihn trotz des Rückrufs',
  },
  openers: { vault: 'vom Archiv der Behörde', recipient: 'vom Empfänger' },
  openedBy: (who) => `${who} geöffnet und wie freigegeben gefunden`,
  refusedBy: (who, why) => `${who} abgelehnt; nichts davon wird gezeigt (${why})`,
  refusals: {
    key: 'sein Schlüssel öffnet ihn nicht',
    file: 'die verschlüsselte Datei lässt sich nicht öffnen',
    contents: 'die Angaben oder Bereiche darin sind nicht die genannten',
    clip: 'es ist nicht der genannte Clip',
    recording: 'es ist keine einfache Aufnahme der genannten Bilder und Zeiten',
    zones: 'ein Bild lässt sich nicht dekodieren oder zeigt, was geschwärzt sein sollte',
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
  partial: 'Diese Brücke zeigt nur den letzten Eintrag; frühere sind hier nicht bekannt.',
  noClip: 'Die Brücke kennt keinen Clip zu dieser Freigabe. Die Aufzeichnungen dieser Türklingel stehen oben.',

  takeBack: 'Zurücknehmen',
  takeBackTitle: 'Diesen Clip zurücknehmen?',
  takeBackSending: 'Das Senden endet sofort, und die Brücke löscht, was sie hat.',
  takeBackStored:
    'Hat nur die Brücke ihn, wird er dort gelöscht, und niemand kann ihn mehr sehen. Hat ihn das Archiv der Behörde schon, bestimmen deren Regeln, ob er gelöscht, eingeschränkt oder behalten wird. Sie sehen die signierte Antwort.',
  takeBackPet: 'Die Brücke löscht ihn. Eine schon heruntergeladene Kopie behält die Person, die ihr Tier sucht.',
  takingBack: 'Wird zurückgenommen …',
  keep: 'Abbrechen',
};

const es: LeftWords = {
  nothing: 'Nunca ha salido nada de este dispositivo.',
  nothingHelp:
    'No se ha enviado a nadie ningún clip ni ningún dato suyo. Cuando autorice una solicitud, su clip aparecerá aquí en cuanto empiece el envío.',
  asking: 'Preguntando al timbre …',
  count: (count) =>
    count === 1 ? 'Un clip ha salido de este dispositivo.' : `${count} clips han salido de este dispositivo.`,
  countHelp: 'Cada uno queda en esta lista para siempre, también si se retiró.',
  older: 'Mostrar anteriores',

  petOwner: 'Alguien que busca una mascota',
  petOwnerHelp: (id) => `Conocido solo por una clave: ${id}`,
  agencyHelp: (domain, kind) => `${domain} · ${kind}, verificada por el registro cuando usted autorizó`,
  kinds: {
    municipal: 'autoridad municipal',
    county: 'autoridad del condado',
    state: 'autoridad del estado',
    federal: 'autoridad federal',
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
    sending: 'El clip se está enviando. Una parte puede haber salido ya.',
    stopped:
      'El envío terminó antes de que el puente confirmara el clip, así que una parte puede estar allí. Si lo retira, el puente borra lo que tenga.',
    stored: (when) => `El puente tiene el clip entero desde el ${when}.`,
    storedMayMove: 'Puede haberlo entregado después al archivo de la autoridad; «Comprobar la prueba» lo muestra.',
    'in-vault': (when) =>
      `El puente lo entregó al archivo de la autoridad el ${when}. Las normas del departamento deciden cuánto tiempo queda allí; a este dispositivo no se le informa.`,
    'at-bridge': 'Según el registro del puente, no se ha entregado a ningún archivo.',
    revoking: (when) =>
      `Se retiró el ${when}. No se envía nada más. El puente no ha respondido todavía; su timbre sigue preguntando.`,
    'nothing-arrived': (when) =>
      `Se retiró antes de que llegara nada: el puente firmó el ${when} que no tiene nada de él.`,
    'erased-at-bridge': (when) => `Se retiró. El puente firmó el ${when} que lo ha borrado por completo.`,
    'erased-at-vault': (when) =>
      `Se retiró cuando el archivo ya lo tenía. El archivo firmó que lo ha borrado; la respuesta llegó el ${when}.`,
    restricted: (when) =>
      `Se retiró cuando el archivo ya lo tenía. El archivo no lo borra: según las normas del departamento se conserva con acceso restringido. La respuesta firmada del archivo llegó el ${when}.`,
    kept: (when) =>
      `Se retiró cuando el archivo ya lo tenía. El departamento lo conserva. La respuesta firmada del archivo llegó el ${when}.`,
    reason: (words) => `Su motivo: «${words}»`,
    stoppedBy: (words) => `Motivo: ${words}`,
  },

  footage: 'Grabación',
  footageOf: (day, from, to, length) => `${day}, de ${from} a ${to} (${length})`,
  seeFootage: 'Verla en el historial',
  disclosed: 'Datos sobre usted',
  disclosedNothing: 'nada',
  disclosedUnkept: 'los valores no se guardaron en aquel momento',
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
    copy: 'copiado; no se volvió a codificar ningún fotograma',
    'smart-cut': 'solo se volvieron a codificar los fotogramas hasta el primer fotograma clave; los demás se copiaron',
    're-encode': 'se volvieron a codificar todos los fotogramas',
  },
  frames: 'Fotogramas',
  size: 'Tamaño',
  sha256: 'SHA-256 del clip',
  ids: 'Autorización y solicitud',
  contentKey: 'Clave del clip',
  contentKeyHelp: 'Para una disputa: abre el archivo cifrado que se envió. Quien tenga ambos puede ver el clip.',
  saveContentKey: 'Guardar la clave',

  check: 'Comprobar la prueba',
  checking: 'Preguntando al puente y comprobando …',
  checkAgain: 'Comprobar de nuevo',
  checkHelp: 'Comprobado en este navegador, con la clave del puente que su timbre guardó al darse de alta.',
  holds: 'Todo lo que muestra el puente es válido.',
  holdsNot: 'No todo es válido.',
  holdsNotHelp:
    'Las entradas marcadas abajo difieren de los registros de su timbre, o no están firmadas por el puente que conoce. No se fíe de ellas.',
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
  openers: { vault: 'el archivo de la autoridad', recipient: 'el destinatario' },
  openedBy: (who) => `abierto por ${who}, que lo encontró tal como se autorizó`,
  refusedBy: (who, why) => `rechazado por ${who}, que no muestra nada de él (${why})`,
  refusals: {
    key: 'su clave no lo abre',
    file: 'su archivo cifrado no se abre',
    contents: 'los datos o zonas que contiene no son los declarados',
    clip: 'no es el clip declarado',
    recording: 'no es una grabación sencilla de las imágenes y horas declaradas',
    zones: 'una imagen no se decodifica o muestra lo que debía taparse',
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
  partial: 'Este puente muestra solo la última entrada; las anteriores no se conocen aquí.',
  noClip: 'El puente no conoce ningún clip de esta autorización. Los registros de este timbre se muestran arriba.',

  takeBack: 'Retirar',
  takeBackTitle: '¿Retirar este clip?',
  takeBackSending: 'El envío termina enseguida y el puente borra lo que tenga.',
  takeBackStored:
    'Si solo lo tiene el puente, se borra allí y ya nadie puede verlo. Si ya lo tiene el archivo de la autoridad, las normas del departamento deciden si se borra, se restringe o se conserva. Usted verá la respuesta firmada.',
  takeBackPet: 'El puente lo borra. El dueño de la mascota conserva la copia que ya haya descargado.',
  takingBack: 'Retirando …',
  keep: 'Cancelar',
};

export const words = inLanguage<LeftWords>({ en, de, es });
