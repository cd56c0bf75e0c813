/*
 * Owns: a model of one request at one device, with its bridge and its vault: two grants of it, their revocations, a denial, a broker that
 * delivers what owners signed as often and in whichever order it likes, crashes of device and bridge, disks that refuse, and the recall
 * after the hand-over. Spin walks all of its states (grant-life.slow.test.ts).
 *
 * It is walked twice. ORDERS: two grants, and a bridge that answers whatever it likes (only the first grant's clip travels, the second is
 * there to come before, after and in between). JOURNEY: one grant, with the bridge and the vault as they are; both keep what belongs to
 * one grant apart from all others. Together the two grants and the two servers would have hundreds of millions of states.
 *
 * How to read it. Every option of a `do` is one step that nothing interrupts, and a crash may come between any two. The comment before it
 * names the code that it stands for, as `code: FILE FUNCTION, ...`, or the part of the world, as `world: WHO`. `GUARD(BUG, x)` is a check
 * of the code: with -DBUG=... that one check is left out, and Spin must find what goes wrong.
 *
 * What it leaves out:
 * - Signatures, schemas, windows and disclosure. An order here is one that verify-owner.ts would let through. No part forges.
 * - Everything about the request but that it is open. Its end, its agency's and its owner's removal end a grant as its expiry does here.
 * - The gate's queue: here its jobs run in any order, which allows more than the code does, and what waits in it waits at the broker.
 * - Time, but for whether a grant was signed before the last word on its request: at each arrival it may have been, or not.
 * - A clip is one chunk; whether it has begun to leave, is under way or has arrived are three states. Downloads end with what they read.
 *   The bridge's transactions follow one another, because it has one connection to its database.
 */

#ifndef BUG
#define BUG 0
#endif
#define GRANT_REPLAY 1
#define REVOKE_RACE 2
#define LEDGER_AFTER_EFFECT 3
#define REVOKED_AHEAD_FORGOTTEN 4
#define WITHHELD_GRANT 5
#define RESERVE_LOST 6
#define SECOND_CLIP 7
#define LATE_OPEN 8
#define EARLY_ANSWER 9
#define HAND_OVER_RACE 10
#define RECALL_IGNORED 11
#define PUBLISH_RACE 12
#define GUARD(bug, holds) (BUG == bug || (holds))

#ifndef DEVICE_CRASHES
#define DEVICE_CRASHES 2
#endif
#ifndef BRIDGE_CRASHES
#define BRIDGE_CRASHES 1
#endif
#define NONE 2

/* The request's states (request-machine.ts); `unseen` and `cancelled` are left out. */
mtype:at_t = { PENDING, GRANTED, SEALED, PRESENTED, DELIVERED, REVOKING, REVOKED, RECALLED, FAILED, DENIED }
/* What the gate still has to do for the entry that it has just written. */
mtype:due_t = { NOTHING, MAKE, REMOVE, REMOVE_REVOKED, REMOVE_AND_TELL }
/* Where the delivery of a grant's clip stands (delivery.ts, upload.ts). */
mtype:delivery_t = { IDLE, LOAD, CUT, COMMITTED, REPORT_SEALED, REPORT_PRESENTED, ASK, ASKED, SEND, SENT, REPORT_STORED, REPORT_FAILED }
/* Where the sending of a revocation stands. */
mtype:telling_t = { SILENT, TELL, TOLD, HEARD_DELETED, HEARD_RECALLED }
/* An intake at the bridge, what it does for a revocation, and the hand-over of its clip. */
mtype:intake_t = { NO_INTAKE, OPEN, STORED, HANDED, ERASED_HERE }
mtype:answer_t = { CALM, WIPE, WITHDRAW, RECALL }
mtype:hand_t = { NOT_OFFERED, OFFERED, GIVEN, CONFIRMED, WITHDRAWING, WITHDRAWN, RECALLING, RECALL_ANSWERED }
/* An item at the vault. */
mtype:item_t = { NO_ITEM, HELD, ACTIVE, ERASED }

/* On the device's disk: the ledger, the reserve for revocations, the outbox. */
mtype:at_t at = PENDING;
byte current = NONE;
bool known[2], pastRevoked[2], pastFailed[2], ahead[2], reserve[2], failedAfterShown, outbox[2];

/* In the device's memory. */
bool booting = true, retryFirst[2], live[2], ended[2], takenBack[2], aheadInMemory[2], removing[2];
mtype:due_t due = NOTHING;
byte dueFor = NONE;
mtype:delivery_t delivery[2] = IDLE;
mtype:telling_t telling[2] = SILENT;

/* On the wire between device, bridge and vault. What was written there arrives even if its sender is gone. */
bool asking[2], chunk[2], revoking[2], clipToVault[2];

/* At the bridge: its database and its files, then what is in its memory. */
mtype:intake_t intake[2] = NO_INTAKE;
bool revokedHere[2];
bool staged[2];
mtype:hand_t hand[2] = NOT_OFFERED;
bool publishing[2], acknowledged[2];
mtype:answer_t answering[2] = CALM;

/* At the vault. */
mtype:item_t item[2] = NO_ITEM;
bool recallKept[2];

/* The world: its faults end when it is calm. */
bool calm;
byte deviceCrashes, bridgeCrashes;

/* What is claimed about: the device has told the owner that a revocation is in force; the bridge has signed that all is deleted. */
bool accepted[2], toldDeleted[2];

/* The gate's queue is free. At a start it first carries out the revocations that the reserve had kept (gate.ts upkeep). */
#define FREE (!booting && due == NOTHING)
#define READY (FREE && !retryFirst[0] && !retryFirst[1])
#define ACTS(g) (current == g && (at == GRANTED || at == SEALED || at == PRESENTED))

/* Only a gate that has ended a grant keeps it ended for this boot. */
inline endLive(g) {
  if
  :: live[g] -> live[g] = false; ended[g] = true
  :: else
  fi
}

/* delivery.ts revoke */
inline tell(g) {
  if
  :: g == 0 && telling[g] == SILENT -> telling[g] = TELL
  :: else
  fi
}

/* effect-runner.ts makeLive; delivery.ts begin does nothing for a delivery that is running. */
inline makeLive(g) {
  if
  :: ACTS(g) && !ended[g] && !live[g] && !takenBack[g] ->
    assert(!accepted[g]);
    live[g] = true;
    if
    :: g == 0 && delivery[g] == IDLE -> delivery[g] = LOAD
    :: else
    fi
  :: else
  fi
}

/* owner-order-handler.ts forgetRevoke */
inline forgetRevoke(g) {
  takenBack[g] = false;
  reserve[g] = false
}

/* owner-order-handler.ts settleRefused, for a revocation that the ledger could not take */
inline settleUnrecorded(g) {
  if
  :: accepted[g] = true;
    if
    :: BUG == RESERVE_LOST -> skip /* never: a planted bug */
    :: else -> reserve[g] = true
    fi
  :: !reserve[g] -> /* not even the reserve takes it: the owner is told so */
    if
    :: !known[g] -> forgetRevoke(g)
    :: else
    fi
  fi;
  if
  :: known[g] ->
    if
    :: at == GRANTED || at == SEALED -> removing[g] = (g == 0)
    :: at == PRESENTED -> removing[g] = (g == 0); tell(g)
    :: at == DELIVERED -> tell(g)
    :: else
    fi
  :: else
  fi
}

/* Nothing may be written to the bridge but under a grant whose showing is durable and whose revocation has not come. */
#define MAY_LEAVE(g) (current == g && at == PRESENTED && !takenBack[g] && !accepted[g])

proctype Gate(byte g) {
  /* Whether the grant that arrives was signed before the last word on its request. */
  bool older;
end:
  do
  /* code: device/consent/gate.ts onOwnerMessage; device/consent/effect-runner.ts endNamed, endLive */
  :: atomic { !calm && !takenBack[g] ->
      takenBack[g] = true;
      if
      :: GUARD(REVOKE_RACE, false) -> skip /* never: a planted bug */
      :: else -> endLive(g)
      fi
    }
  /* code: device/consent/owner-order-handler.ts grant; device/consent/request-machine.ts onGrant, begin; device/ledger/ledger.ts append */
  :: atomic { READY && !calm ->
      if
      :: older = false
      :: known[0] || known[1] || ahead[0] || ahead[1] -> older = true
      fi;
      if
      :: ahead[g] || aheadInMemory[g] -> skip
      :: !(ahead[g] || aheadInMemory[g]) && !GUARD(GRANT_REPLAY, !pastRevoked[g] && !pastFailed[g]) -> skip
      :: !(ahead[g] || aheadInMemory[g]) && GUARD(GRANT_REPLAY, !pastRevoked[g] && !pastFailed[g]) ->
        if
        :: current != g && (at == PENDING || at == REVOKED || (at == FAILED && !failedAfterShown)) &&
            GUARD(WITHHELD_GRANT, !older) ->
          if
          :: !calm -> skip /* the ledger takes nothing: consent_storage_failed */
          :: assert(!accepted[g] && !older);
            if
            :: at == REVOKED -> pastRevoked[current] = true
            :: at == FAILED -> pastFailed[current] = true
            :: else
            fi;
            current = g;
            known[g] = true;
            at = GRANTED;
            due = MAKE;
            dueFor = g
          fi
        :: else -> skip /* refused, or the same answer as before (onSameGrant) */
        fi
      fi;
      older = false
    }
  /* code: device/consent/effect-runner.ts performOne, makeLive */
  :: atomic { due == MAKE && dueFor == g ->
      due = NOTHING;
      dueFor = NONE;
      makeLive(g)
    }
  /* code: device/consent/effect-runner.ts resumeLive, makeLive; device/upload/delivery.ts resume */
  :: atomic { READY && ACTS(g) && !live[g] && !ended[g] && !takenBack[g] -> makeLive(g) }

  /* code: device/consent/owner-order-handler.ts carryOut, retryRevokes, revoke, settleRefused, actUnrecorded; device/consent/request-machine.ts onRevoke */
  :: atomic { FREE && takenBack[g] ->
      retryFirst[g] = false;
      if
      :: pastRevoked[g] -> forgetRevoke(g)
      :: !pastRevoked[g] && current == g && (at == GRANTED || at == SEALED) ->
        /* It ended when its revocation arrived. */
        if
        :: !calm -> settleUnrecorded(g)
        :: at = REVOKED;
          accepted[g] = true;
          due = REMOVE_REVOKED;
          dueFor = g
        fi
      :: !pastRevoked[g] && current == g && (at == PRESENTED || at == DELIVERED || (at == FAILED && failedAfterShown)) ->
        if
        :: !calm -> settleUnrecorded(g)
        :: at = REVOKING;
          failedAfterShown = false;
          accepted[g] = true;
          due = REMOVE_AND_TELL;
          dueFor = g
        fi
      :: !pastRevoked[g] && current == g && (at == REVOKING || at == REVOKED || at == RECALLED) -> forgetRevoke(g)
      :: !pastRevoked[g] && (current != g || (at == FAILED && !failedAfterShown)) ->
        /* consent_nothing_to_revoke */
        if
        :: known[g] || ahead[g] -> forgetRevoke(g)
        :: else ->
          aheadInMemory[g] = true;
          if
          :: !calm -> settleUnrecorded(g)
          :: accepted[g] = true;
            if
            :: BUG == REVOKED_AHEAD_FORGOTTEN -> skip /* never: a planted bug */
            :: else -> ahead[g] = true; aheadInMemory[g] = false
            fi;
            forgetRevoke(g)
          fi
        fi
      fi
    }
  /* code: device/consent/effect-runner.ts performOne; device/upload/delivery.ts remove, revoke; device/consent/owner-order-handler.ts forgetRevoke */
  :: atomic { (due == REMOVE || due == REMOVE_REVOKED || due == REMOVE_AND_TELL) && dueFor == g ->
      removing[g] = (g == 0);
      if
      :: due == REMOVE -> skip
      :: due == REMOVE_REVOKED -> forgetRevoke(g)
      :: due == REMOVE_AND_TELL -> tell(g); forgetRevoke(g)
      fi;
      due = NOTHING;
      dueFor = NONE
    }

  /* code: device/consent/owner-order-handler.ts deny; device/consent/request-machine.ts onDeny */
  :: atomic { g == 0 && READY && !calm && (at == PENDING || at == REVOKED || (at == FAILED && !failedAfterShown)) ->
      at = DENIED;
      current = NONE
    }

  /* code: device/consent/clip-report-handler.ts clipSealed, assertAlive; device/consent/request-machine.ts onSealed */
  :: atomic { READY && delivery[g] == REPORT_SEALED ->
      if
      :: !live[g] -> delivery[g] = IDLE
      :: live[g] && at == GRANTED ->
        if
        :: !calm -> skip
        :: at = SEALED;
          if
          :: BUG == LEDGER_AFTER_EFFECT -> delivery[g] = ASK /* never: a planted bug */
          :: else -> delivery[g] = REPORT_PRESENTED
          fi
        fi
      :: live[g] && (at == SEALED || at == PRESENTED) -> delivery[g] = REPORT_PRESENTED
      fi
    }
  /* code: device/consent/clip-report-handler.ts tokenPresented, assertAlive; device/consent/request-machine.ts onPresented */
  :: atomic { READY && delivery[g] == REPORT_PRESENTED ->
      if
      :: !live[g] -> delivery[g] = IDLE
      :: live[g] && at == SEALED ->
        if
        :: !calm -> skip
        :: at = PRESENTED; delivery[g] = ASK
        fi
      :: live[g] && at == PRESENTED -> delivery[g] = ASK
      fi
    }
  /* code: device/consent/clip-report-handler.ts delivered; device/consent/request-machine.ts onDelivered */
  :: atomic { READY && delivery[g] == REPORT_STORED ->
      if
      :: current == g && (at == PRESENTED || (at == FAILED && failedAfterShown)) ->
        if
        :: !calm -> skip
        :: at = DELIVERED;
          failedAfterShown = false;
          endLive(g);
          delivery[g] = IDLE;
          due = REMOVE;
          dueFor = g
        fi
      :: else -> delivery[g] = IDLE
      fi
    }
  /* code: device/consent/clip-report-handler.ts failed; device/consent/request-machine.ts onFailed, stopped */
  :: atomic { READY && delivery[g] == REPORT_FAILED ->
      if
      :: ACTS(g) ->
        endLive(g);
        if
        :: !calm -> skip
        :: failedAfterShown = (at == PRESENTED);
          at = FAILED;
          delivery[g] = IDLE;
          due = REMOVE;
          dueFor = g
        fi
      :: else -> delivery[g] = IDLE
      fi
    }
  /* code: device/consent/effect-runner.ts endOverdue, sweep; device/consent/request-machine.ts onFailed */
  :: atomic { READY && ACTS(g) && !calm ->
      endLive(g);
      if
      :: skip
      :: failedAfterShown = (at == PRESENTED);
        at = FAILED;
        due = REMOVE;
        dueFor = g
      fi
    }
  /* code: device/consent/clip-report-handler.ts revocationAnswered; device/consent/request-machine.ts onAnswered */
  :: atomic { READY && (telling[g] == HEARD_DELETED || telling[g] == HEARD_RECALLED) ->
      if
      :: current == g && at == REVOKING ->
        if
        :: !calm -> skip
        :: telling[g] == HEARD_DELETED -> at = REVOKED; telling[g] = SILENT
        :: telling[g] == HEARD_RECALLED -> at = RECALLED; telling[g] = SILENT
        fi
      :: else -> telling[g] = SILENT
      fi
    }
  od
}

proctype Delivery(byte g) {
end:
  do
  /* code: device/upload/delivery.ts deliver, loaded; device/upload/outbox.ts item */
  :: atomic { delivery[g] == LOAD && live[g] ->
      if
      :: outbox[g] -> delivery[g] = REPORT_SEALED
      :: !outbox[g] && (at == GRANTED || BUG == SECOND_CLIP) -> delivery[g] = CUT
      :: !outbox[g] && at != GRANTED && BUG != SECOND_CLIP -> delivery[g] = REPORT_FAILED
      fi
    }
  /* code: device/upload/delivery.ts makeItem, cutAndSeal; device/upload/outbox.ts seal, sealAndCommit */
  :: atomic { delivery[g] == CUT && live[g] ->
      assert(at == GRANTED);
      outbox[g] = true;
      delivery[g] = COMMITTED
    }
  /* code: device/upload/outbox.ts sealAndCommit, destroy */
  :: atomic { delivery[g] == COMMITTED ->
      if
      :: live[g] -> delivery[g] = REPORT_SEALED
      :: else -> outbox[g] = false; delivery[g] = IDLE
      fi
    }
  /* code: device/upload/upload.ts send, attempt; device/upload/intake-requests.ts openAtBridge; device/upload/bridge-http.ts send */
  :: atomic { delivery[g] == ASK && live[g] ->
      if
      :: !outbox[g] -> delivery[g] = REPORT_FAILED
      :: else ->
        assert(MAY_LEAVE(g));
        asking[g] = true;
        delivery[g] = ASKED
      fi
    }
  /* code: device/upload/upload.ts sendMissing; device/upload/transfer.ts sendRest; device/upload/bridge-http.ts send */
  :: atomic { delivery[g] == SEND && live[g] ->
      if
      :: !outbox[g] -> delivery[g] = REPORT_FAILED
      :: else ->
        assert(MAY_LEAVE(g));
        chunk[g] = true;
        delivery[g] = SENT
      fi
    }
  /* code: device/upload/upload.ts send, isPassing */
  :: atomic { (delivery[g] == ASKED || delivery[g] == SENT) && live[g] && (!calm || (!asking[g] && !chunk[g])) ->
      delivery[g] = ASK
    }
  /* code: device/upload/delivery.ts deliver; device/upload/transfer.ts sendRest */
  :: atomic { !live[g] && (delivery[g] == LOAD || delivery[g] == CUT || delivery[g] == ASK || delivery[g] == ASKED ||
        delivery[g] == SEND || delivery[g] == SENT) -> delivery[g] = IDLE }
  /* code: device/upload/delivery.ts remove; device/upload/outbox.ts destroy */
  :: atomic { removing[g] && delivery[g] == IDLE -> removing[g] = false; outbox[g] = false }
  /* code: device/upload/delivery.ts revoke; device/upload/upload.ts handOver */
  :: atomic { telling[g] == TELL -> revoking[g] = true; telling[g] = TOLD }
  /* code: device/upload/upload.ts revoke */
  :: atomic { telling[g] == TOLD && (!calm || (!revoking[g] && answering[g] == CALM)) -> telling[g] = TELL }
  od
}

/* The bridge's answer to `ask`, or its loss. */
inline answerAsk(g, onward) {
  if
  :: delivery[g] == ASKED && live[g] -> delivery[g] = onward
  :: !calm || delivery[g] != ASKED || !live[g] -> skip
  fi
}

inline answerChunk(g, onward) {
  if
  :: delivery[g] == SENT && live[g] -> delivery[g] = onward
  :: !calm || delivery[g] != SENT || !live[g] -> skip
  fi
}

/* The bridge's signed receipt that all is deleted; it exists even if it is lost on its way. */
inline answerDeleted(g) {
  toldDeleted[g] = true;
  if
  :: telling[g] == TOLD -> telling[g] = HEARD_DELETED
  :: !calm || telling[g] != TOLD -> skip
  fi
}

inline answerRecalled(g) {
  if
  :: telling[g] == TOLD -> telling[g] = HEARD_RECALLED
  :: !calm || telling[g] != TOLD -> skip
  fi
}

proctype Bridge(byte g) {
end:
  do
  /* code: cloud-bridge/intake/intake-admission.ts open, again, ended; cloud-bridge/intake/sql-intakes.ts open */
  :: atomic { asking[g] ->
      asking[g] = false;
      if
      :: revokedHere[g] && BUG != LATE_OPEN -> answerAsk(g, REPORT_FAILED)
      :: !(revokedHere[g] && BUG != LATE_OPEN) ->
        if
        :: intake[g] == NO_INTAKE -> intake[g] = OPEN; answerAsk(g, SEND)
        :: intake[g] == OPEN && !staged[g] -> answerAsk(g, SEND)
        :: intake[g] == OPEN && staged[g] -> answerAsk(g, ASK)
        :: intake[g] == STORED || intake[g] == HANDED -> answerAsk(g, REPORT_STORED)
        :: intake[g] == ERASED_HERE -> answerAsk(g, REPORT_FAILED)
        fi
      fi
    }
  /* code: cloud-bridge/intake/intake-admission.ts authorise; cloud-bridge/intake/tus-routes.ts uploadRoutes; cloud-bridge/intake/staged-store.ts isUploading */
  :: atomic { chunk[g] ->
      chunk[g] = false;
      if
      :: intake[g] == OPEN -> staged[g] = true; answerChunk(g, ASK)
      :: intake[g] == ERASED_HERE -> answerChunk(g, REPORT_FAILED)
      :: else -> answerChunk(g, ASK)
      fi
    }
  /* code: cloud-bridge/intake/finish-intake.ts finish, settle */
  :: atomic { intake[g] == OPEN && staged[g] && !publishing[g] -> publishing[g] = true }
  /* code: cloud-bridge/intake/sql-intakes.ts publish; cloud-bridge/intake/clip-files.ts show, moveBack */
  :: atomic { publishing[g] ->
      publishing[g] = false;
      if
      :: GUARD(PUBLISH_RACE, intake[g] == OPEN && !revokedHere[g]) -> intake[g] = STORED
      :: else
      fi
    }
  /* code: cloud-bridge/intake/finish-intake.ts drop, isFinal; cloud-bridge/intake/sql-intakes.ts drop */
  :: atomic { intake[g] == OPEN && !publishing[g] && !calm -> intake[g] = ERASED_HERE; staged[g] = false }

  /* code: cloud-bridge/intake/revocation.ts revoke; cloud-bridge/intake/sql-intakes.ts revoke, addRevoked */
  :: atomic { revoking[g] && answering[g] == CALM ->
      revoking[g] = false;
      if
      :: revokedHere[g] -> answering[g] = WIPE
      :: !revokedHere[g] && intake[g] == HANDED && BUG != RECALL_IGNORED ->
        if
        :: hand[g] == RECALLING || hand[g] == RECALL_ANSWERED -> skip
        :: else -> hand[g] = RECALLING
        fi;
        answering[g] = RECALL
      :: !revokedHere[g] && !(intake[g] == HANDED && BUG != RECALL_IGNORED) ->
        revokedHere[g] = true;
        if
        :: intake[g] == NO_INTAKE -> skip
        :: else -> intake[g] = ERASED_HERE
        fi;
        if
        :: hand[g] == OFFERED -> hand[g] = WITHDRAWING
        :: else
        fi;
        answering[g] = WIPE
      fi
    }
  /* code: cloud-bridge/intake/revocation.ts wipe; cloud-bridge/intake/upload-locks.ts hold; cloud-bridge/intake/clip-files.ts remove */
  :: atomic { answering[g] == WIPE && !publishing[g] ->
      staged[g] = false;
      answering[g] = WITHDRAW
    }
  /* code: cloud-bridge/hand-over/hand-overs.ts withdraw, sendWithdrawal; cloud-bridge/vault/receiving.ts withdraw; cloud-bridge/intake/intake-receipts.ts sign */
  :: atomic { answering[g] == WITHDRAW && !acknowledged[g] ->
      if
      :: !calm && hand[g] == WITHDRAWING -> skip /* vault_unreachable */
      :: hand[g] == WITHDRAWING ->
        if
        :: BUG == EARLY_ANSWER -> skip /* never: a planted bug */
        :: else ->
          assert(item[g] != ACTIVE);
          item[g] = ERASED;
          hand[g] = WITHDRAWN
        fi;
        answerDeleted(g)
      :: hand[g] == RECALL_ANSWERED && recallKept[g] -> answerRecalled(g)
      :: hand[g] != WITHDRAWING && !(hand[g] == RECALL_ANSWERED && recallKept[g]) -> answerDeleted(g)
      fi;
      answering[g] = CALM
    }
  /* code: cloud-bridge/intake/revocation.ts recall, revokedStatus; cloud-bridge/hand-over/hand-overs.ts recall */
  :: atomic { answering[g] == RECALL && hand[g] == RECALL_ANSWERED ->
      if
      :: recallKept[g] -> answerRecalled(g)
      :: else -> answerDeleted(g)
      fi;
      answering[g] = CALM
    }
  /* world: the vault cannot be reached, and the device hears so (vault_unreachable) */
  :: atomic { answering[g] == RECALL && !calm -> answering[g] = CALM }
  od
}

proctype AnyBridge(byte g) {
end:
  do
  /* world: some bridge answers a device that asks or sends */
  :: atomic { asking[g] || chunk[g] ->
      if
      :: answerAsk(g, SEND)
      :: answerAsk(g, REPORT_STORED)
      :: answerAsk(g, REPORT_FAILED)
      :: answerChunk(g, ASK)
      :: answerChunk(g, REPORT_FAILED)
      fi;
      asking[g] = false;
      chunk[g] = false
    }
  /* world: some bridge answers a revocation */
  :: atomic { revoking[g] ->
      revoking[g] = false;
      if
      :: telling[g] == TOLD -> telling[g] = HEARD_DELETED
      :: telling[g] == TOLD -> telling[g] = HEARD_RECALLED
      :: !calm || telling[g] != TOLD -> skip
      fi
    }
  od
}

proctype HandOver(byte g) {
end:
  do
  /* code: cloud-bridge/hand-over/hand-overs.ts handOver; cloud-bridge/hand-over/sql-hand-overs.ts offered */
  :: atomic { hand[g] == NOT_OFFERED && intake[g] == STORED && !revokedHere[g] -> hand[g] = OFFERED }
  /* code: cloud-bridge/hand-over/vault-client.ts putClip */
  :: atomic { hand[g] == OFFERED && intake[g] == STORED && item[g] == NO_ITEM && !clipToVault[g] -> clipToVault[g] = true }
  /* code: cloud-bridge/vault/receiving.ts take, enter, known */
  :: atomic { clipToVault[g] ->
      clipToVault[g] = false;
      if
      :: item[g] == NO_ITEM -> item[g] = HELD
      :: else
      fi
    }
  /* code: cloud-bridge/hand-over/sign-vault-messages.ts acknowledgementIn */
  :: atomic { hand[g] == OFFERED && item[g] == HELD && !acknowledged[g] -> acknowledged[g] = true }
  /* code: cloud-bridge/hand-over/sql-hand-overs.ts handedOver */
  :: atomic { acknowledged[g] ->
      acknowledged[g] = false;
      if
      :: GUARD(HAND_OVER_RACE, intake[g] == STORED && !revokedHere[g]) -> intake[g] = HANDED; hand[g] = GIVEN
      :: else
      fi
    }
  /* code: cloud-bridge/hand-over/hand-overs.ts confirm; cloud-bridge/vault/receiving.ts confirm; cloud-bridge/hand-over/sql-hand-overs.ts confirmed */
  :: atomic { hand[g] == GIVEN ->
      staged[g] = false;
      item[g] = ACTIVE;
      hand[g] = CONFIRMED
    }
  /* code: cloud-bridge/hand-over/hand-overs.ts advance, sendWithdrawal; cloud-bridge/vault/receiving.ts withdraw */
  :: atomic { hand[g] == WITHDRAWING && answering[g] == CALM && !acknowledged[g] ->
      assert(item[g] != ACTIVE);
      item[g] = ERASED;
      hand[g] = WITHDRAWN
    }
  /* code: cloud-bridge/vault/recalls.ts answer, decide, carriedOut; cloud-bridge/hand-over/hand-overs.ts sendRecall; cloud-bridge/hand-over/sql-hand-overs.ts recalled */
  :: atomic { hand[g] == RECALLING ->
      staged[g] = false;
      revokedHere[g] = true;
      hand[g] = RECALL_ANSWERED;
      if
      :: recallKept[g] = true; item[g] = ACTIVE
      :: item[g] = ERASED; intake[g] = ERASED_HERE
      fi
    }
  od
}

inline forgetMemory(g) {
  live[g] = false;
  ended[g] = false;
  takenBack[g] = false;
  aheadInMemory[g] = false;
  removing[g] = false;
  delivery[g] = IDLE;
  telling[g] = SILENT;
  retryFirst[g] = false
}

inline wakeUp(g) {
  takenBack[g] = reserve[g];
  retryFirst[g] = reserve[g];
  if
  :: !ACTS(g) -> outbox[g] = false
  :: else
  fi;
  if
  :: current == g && at == REVOKING -> tell(g)
  :: else
  fi
}

inline bridgeRises(g) {
  answering[g] = CALM;
  publishing[g] = false;
  acknowledged[g] = false;
  if
  :: intake[g] != OPEN && intake[g] != STORED -> staged[g] = false
  :: else
  fi
}

proctype World() {
end:
  do
  /* world: the device crashes, or its power fails, and its disk may lose the sealed clip */
  :: atomic { deviceCrashes < DEVICE_CRASHES && !calm ->
      deviceCrashes++;
      booting = true;
      due = NOTHING;
      dueFor = NONE;
      forgetMemory(0);
      forgetMemory(1);
      if
      :: outbox[0] -> outbox[0] = false
      :: skip
      fi
    }
  /* code: device/consent/gate.ts open, start, resume; device/consent/owner-order-handler.ts start; device/doorbell.ts dropFinishedClips */
  :: atomic { booting -> wakeUp(0); wakeUp(1); booting = false }
  /* code: cloud-bridge/intake/finish-intake.ts start, showStored; cloud-bridge/intake/clip-files.ts sweep; cloud-bridge/hand-over/hand-overs.ts start */
  :: atomic { bridgeCrashes < BRIDGE_CRASHES && !calm -> bridgeCrashes++; bridgeRises(0); bridgeRises(1) }
  /* world: all faults end, and the broker delivers nothing more */
  :: atomic { !calm -> calm = true }
  od
}

/* Once the bridge has signed that all is deleted, nothing of the clip is left there or at the vault, ever. */
#define ALL_GONE(g) (!toldDeleted[g] || (!staged[g] && intake[g] != OPEN && intake[g] != STORED && intake[g] != HANDED && item[g] != HELD && item[g] != ACTIVE))
/* The vault shows only what was handed over to it. */
#define SHOWN_BY_RIGHT(g) (item[g] != ACTIVE || hand[g] == CONFIRMED || hand[g] == RECALLING || (hand[g] == RECALL_ANSWERED && recallKept[g]))
/* At most one grant of a request is live. */
#define ONE_LIVES (!(live[0] && live[1]))
/* Nobody is granted anything after a no. */
#define NO_IS_NO (at != DENIED || (!live[0] && !live[1]))

/* With all faults over, every revocation that was accepted is carried out to the end, and nothing hangs. */
#define AT_REST(g) (delivery[g] == IDLE && telling[g] == SILENT && answering[g] == CALM && !takenBack[g] && !removing[g])
#define CARRIED_OUT(g) (!accepted[g] || (!live[g] && !outbox[g] && (intake[g] == NO_INTAKE || intake[g] == ERASED_HERE || (at == RECALLED && recallKept[g]))))

active proctype Monitor() {
end:
  do
  /* claim: nothing is left after the bridge has said so */
  :: atomic { !ALL_GONE(0) || !ALL_GONE(1) -> assert(false) /* never: the claim holds */ }
  /* claim: the vault shows only what is its own */
  :: atomic { !SHOWN_BY_RIGHT(0) || !SHOWN_BY_RIGHT(1) -> assert(false) /* never: the claim holds */ }
  /* claim: one grant acts at a time, and none after a denial */
  :: atomic { !ONE_LIVES || !NO_IS_NO -> assert(false) /* never: the claim holds */ }
  /* claim: everything comes to rest, and each accepted revocation is carried out */
  :: atomic { timeout ->
      assert(calm && !booting && due == NOTHING && at != REVOKING);
      assert(AT_REST(0) && AT_REST(1));
      assert(CARRIED_OUT(0) && CARRIED_OUT(1))
    }
  od
}

init {
  atomic {
    run Gate(0);
    run Delivery(0);
#ifdef ORDERS
    run Gate(1);
    run AnyBridge(0);
#else
    run Bridge(0);
    run HandOver(0);
#endif
    run World()
  }
}
