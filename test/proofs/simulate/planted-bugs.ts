// Bugs for a copy of the sources, which the simulation must find.

/** A bug: in each file, `from`, which occurs once, becomes `to`. */
export interface Bug {
  readonly name: string;
  readonly edits: readonly { readonly file: string; readonly from: string; readonly to: string }[];
}

export const BUGS: readonly Bug[] = [
  {
    // The owners' last decision on a request is a second guard.
    name: 'grant replay: a grant that was revoked acts again',
    edits: [
      {
        file: 'device/consent/request-machine.ts',
        from: "    case 'revoking':\n    case 'revoked':\n    case 'recalled':\n      return reject(state, 'consent_revoked_before');",
        to: "    case 'revoked':\n      return begin(state, grant, state.past);\n    case 'revoking':\n    case 'recalled':\n      return reject(state, 'consent_revoked_before');",
      },
      {
        file: 'device/consent/owner-order-handler.ts',
        from: "      if (claims.iat < (state.lastSignedOfRequestS.get(request) ?? 0)) return failure('consent_too_old');\n",
        to: '',
      },
    ],
  },
  {
    // The bridge refuses a manifest that admits more: so this one hides it, too.
    name: 'widened window: a clip shows a second more than was granted',
    edits: [
      {
        file: 'device/consent/live-grant.ts',
        from: 'get cut(): Readonly<Grant> {\n    return this.facts.grant;',
        to: 'get cut(): Readonly<Grant> {\n    const { grant } = this.facts;\n    return { ...grant, window: { ...grant.window, endUs: grant.window.endUs + 1_000_000 } };',
      },
      {
        file: 'device/clip/disclosure.ts',
        from: 'coverage: clip.coverage,',
        to: 'coverage: { ...clip.coverage, endUs: Math.min(clip.coverage.endUs, grant.window.endUs) },',
      },
    ],
  },
  {
    name: 'agency swap: an agency is shown clips that were granted to another',
    edits: [
      {
        file: 'cloud-bridge/intake/sql-intakes.ts',
        from: "'in', await keysOf(this.tables, reader)",
        to: "'!=', (await keysOf(this.tables, reader)).join()",
      },
    ],
  },
  {
    name: 'revoke race: what is being sent goes on until it is sent',
    edits: [
      { file: 'device/consent/gate.ts', from: '      this.runner.endNamed(order);\n', to: '' },
      {
        file: 'device/consent/effect-runner.ts',
        from: 'return this.endLive(effect.grant, effect.detail);',
        to: "return effect.detail === 'it was revoked' ? undefined : this.endLive(effect.grant, effect.detail);",
      },
    ],
  },
  {
    name: 'retained grant: what a broker has kept is an order, too',
    edits: [
      {
        file: 'device/consent/verify-owner.ts',
        from: "  if (message.retained) return 'message_retained';\n",
        to: '',
      },
    ],
  },
  {
    // The outbox never cuts a clip twice, and the state machine accepts no second one.
    name: 'double upload: after a restart a clip is cut and offered anew',
    edits: [
      {
        file: 'device/upload/delivery.ts',
        from: 'kept ?? (await this.makeItem(live, signal))',
        to: 'await this.makeItem(live, signal)',
      },
      {
        file: 'device/upload/outbox.ts',
        from: '      const known = this.item(live.id);\n      if (known) return known;\n',
        to: '',
      },
      {
        file: 'device/consent/request-machine.ts',
        from: 'state.grant.id === grant &&\n    state.clip.sha256 === clip.sha256 &&\n    state.clip.manifestSha256 === clip.manifestSha256;',
        to: 'state.grant.id === grant;',
      },
    ],
  },
  {
    name: 'ledger after effect: a clip is offered while the ledger writes that it will be',
    edits: [
      {
        file: 'device/upload/delivery.ts',
        from: 'await this.recorded(signal, () => gate.tokenPresented(live.id));',
        to: 'void this.recorded(signal, () => gate.tokenPresented(live.id)).catch(() => undefined);',
      },
    ],
  },
  {
    name: 'clock back: a clock that was set back is trusted',
    edits: [
      {
        file: 'device/ledger/high-water-marks.ts',
        from: 'return this.clock.synchronised() && this.clock.wallUs() >= this.marks.wallUs - CLOCK_BACKSTEP_US_MAX;',
        to: 'return this.clock.synchronised();',
      },
    ],
  },
  {
    name: 'stale list: an older revocation list replaces a newer one',
    edits: [
      {
        file: 'device/consent/area-documents.ts',
        from: 'if (revision < revisionSeen ||',
        to: 'if (revision < Math.min(0, revisionSeen) ||',
      },
      {
        file: 'device/consent/area-requests.ts',
        from: '    if (list.revision < Math.max(this.marks.revocations, this.unmarked?.list.revision ?? 0)) return;\n',
        to: '',
      },
    ],
  },
  {
    // After each start the numbers of records jump, too.
    name: 'nonce reuse: each start of a ring goes on under the same salt',
    edits: [
      {
        file: 'device/ring/record-file.ts',
        from: 'scan.sequenceMax + SEQUENCE_JUMP',
        to: 'scan.sequenceMax + Math.min(1, SEQUENCE_JUMP)',
      },
      {
        file: 'device/ring/ring-file.ts',
        from: 'new RecordSeal(key, random.bytes(SALT_BYTES))',
        to: 'new RecordSeal(key, new Uint8Array(SALT_BYTES))',
      },
    ],
  },
  {
    name: 'partial publish: a clip is shown before all of it is durable',
    edits: [
      {
        file: 'cloud-bridge/intake/clip-files.ts',
        from: '      await file.sync();\n      const hash = sha256Stream();',
        to: '      const hash = sha256Stream();',
      },
    ],
  },
  {
    // The device vouches for a revocation's signer, and would fail at a denial.
    name: 'count leak: the bridge hears of each home that declines, and can count them',
    edits: [
      {
        file: 'device/consent/owner-order-handler.ts',
        from: "body: { type: 'denied', body: { request, jti, token, requestToken } },\n      answers: jti,\n    });\n",
        to: "body: { type: 'denied', body: { request, jti, token, requestToken } },\n      answers: jti,\n    });\n    this.context.effects.sendRevocation(jti, token, answerable.find(request)?.request.aud ?? '');\n",
      },
      {
        file: 'device/upload/upload.ts',
        from: 'Revoke.parse(parseToken(revocation)?.claims)',
        to: 'Revoke.pick({ iss: true }).loose().parse(parseToken(revocation)?.claims)',
      },
    ],
  },
  {
    name: 'lost fsync: an entry of the ledger takes effect before it is durable',
    edits: [
      {
        file: 'device/ledger/ledger.ts',
        from: 'await file.write(this.bytes, line);\n      await file.sync();\n',
        to: 'await file.write(this.bytes, line);\n',
      },
    ],
  },
  {
    name: 'swapped orders: a revocation that overtakes its grant is forgotten',
    edits: [
      {
        file: 'device/consent/owner-order-handler.ts',
        from: 'if (!state.requestOf.has(grant) && isAhead) {',
        to: "if (!state.requestOf.has(grant) && isAhead && jti === '') {",
      },
    ],
  },
  {
    // Bridge and device both check the kind, and the device looks each id up among its own kind.
    name: 'wrong id kind: a request under the id of a search reaches owners',
    edits: [
      {
        file: 'cloud-bridge/requests/requests.ts',
        from: "if (askKindOf(request.jti) !== 'request')",
        to: 'if (askKindOf(request.jti) === null)',
      },
      {
        file: 'device/contract/verify-published-request.ts',
        from: "if (askKindOf(request.claims.jti) !== 'request')",
        to: 'if (askKindOf(request.claims.jti) === null)',
      },
      {
        file: 'device/consent/consent-context.ts',
        from: 'return this.searches.sighted(id)?.search ?? null;',
        to: 'return this.searches.sighted(id)?.search ?? this.area.request(id);',
      },
    ],
  },
  {
    name: 'recall ignored: a revocation is recorded, and never sent to the bridge',
    edits: [
      {
        file: 'device/consent/effect-runner.ts',
        from: 'return effects.sendRevocation(effect.grant, revocation, bridge);',
        to: "return bridge === '' ? effects.sendRevocation(effect.grant, revocation, bridge) : undefined;",
      },
    ],
  },
  {
    name: 'disclosure: a manifest tells all that the home could tell',
    edits: [
      {
        file: 'device/clip/disclosure.ts',
        from: "import type { DisclosedValues } from '@doorsill/contract/shared-claims';",
        to: "import { type DisclosedValues, DisclosureKey } from '@doorsill/contract/shared-claims';",
      },
      {
        file: 'device/clip/disclosure.ts',
        from: 'for (const key of live.facts.grant.disclose) {',
        to: 'for (const key of DisclosureKey.options.filter((one) => values[one] !== undefined)) {',
      },
    ],
  },
  {
    name: 'content key reuse: a clip is encrypted with the key of the clip before it',
    edits: [
      {
        file: 'device/upload/outbox.ts',
        from: "const clipKey = generateSealKey(random, contents ? 'aes-256-gcm' : this.deps.key.cipher);",
        to: "const [kept = ''] = contents ? await this.records.grantsWith('content key') : [];\n    const former = kept === '' ? null : await this.records.readContentKey(kept);\n    const clipKey = former?.contentKey ?? generateSealKey(random, contents ? 'aes-256-gcm' : this.deps.key.cipher);",
      },
    ],
  },
  {
    // A clip without zones is shown as it comes: an attacker with a doorbell's key sends what no doorbell would.
    name: 'unverified clip: the vault shows encrypted clips that it has not checked',
    edits: [
      {
        file: 'cloud-bridge/vault/encrypted-clips.ts',
        from: 'await this.check({ ...statement, sealed }, item, bytes, pair);',
        to: 'if (statement.redacted) await this.check({ ...statement, sealed }, item, bytes, pair);',
      },
    ],
  },
];
