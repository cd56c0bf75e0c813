// Owns: the firmware's exports for the other parts of this project: the whole wire contract, the seams, the testbed's parts.
// Not here: the npm package's exports (npm-exports.ts); ways to release footage other than a Doorbell with its gate.

export { readEnrolment } from './area-link/enrolment.ts';
export * from './backup.ts';
export { Capture } from './camera/capture.ts';
export { chooseEncoder } from './camera/choose-encoder.ts';
export {
  type CapturePlan,
  encodeArgs,
  FRAGMENT_ARGS_UNHURRIED,
  fileInput,
  GRAY_ARGS,
  GRAY_FPS,
  GRAY_HEIGHT,
  GRAY_WIDTH,
  LIVE_ARGS,
} from './camera/ffmpeg-capture-command.ts';
export type { FfmpegProcess } from './camera/ffmpeg-process.ts';
export { COMMON_ARGS, runFfmpeg, startFfmpeg, writeTo } from './camera/ffmpeg-run.ts';
export { type Ffmpeg, findFfmpeg, threadArgs } from './camera/find-ffmpeg.ts';
export { type FileFacts, type FileSource, probeFile } from './camera/probe-file.ts';
export { recordedMp4Args } from './camera/recorded-mp4.ts';
export { type RunEvidence, replan } from './camera/replan-capture.ts';
export { sniffFile } from './camera/sniff.ts';
export { fileKind } from './camera/source-file.ts';
export * from './camera/source-interfaces.ts';
export * from './camera/source-options.ts';
export { ArrivalTimeline, KnownTimeline } from './camera/source-timeline.ts';
export { CAMERA_KINDS, cameraHelp, parseCameraSource } from './camera/sources.ts';
export type { Port } from './camera/start-ffmpeg.ts';
export { countFrames } from './clip/hidden-frame-count.ts';
export * from './clip/mp4-boxes.ts';
export { type Chain, type VerifiedClip, verifyClip } from './clip/verify-clip.ts';
export { verifyZones } from './clip/verify-zones.ts';
export {
  type DeviceConfig,
  type DeviceConfigInput,
  deviceConfigSchema,
  parseDeviceConfig,
} from './config.ts';
export { type RequestEntry, requestInputOf } from './consent/gate-state.ts';
export {
  next as nextRequestState,
  type RequestInput,
  type RequestState,
  UNSEEN,
} from './consent/request-machine.ts';
export { AdtsSplitter, PACKET_SAMPLES, type SoundConfig, soundConfigOf } from './contract/media/aac.ts';
export { type InitInfo, parseFragment, parseInit, type Sample } from './contract/media/fragment.ts';
export { FragmentSplitter } from './contract/media/fragment-splitter.ts';
export { moveFragment } from './contract/media/move-fragment.ts';
export { joinAnnexB, joinSample, NAL, nalType, splitSample } from './contract/media/nal.ts';
export { readSps } from './contract/media/parameter-sets.ts';
export { Doorbell, type SimulatedFaults } from './doorbell.ts';
export * from './exports-without-firmware.ts';
export { beginFactoryReset, factoryReset } from './factory-reset.ts';
export { DEVICE_FORMAT } from './folder-format.ts';
export { readPower } from './hardware/board-power.ts';
export { type Button, type Press, VirtualButton } from './hardware/button.ts';
export { KeyboardButton } from './hardware/keyboard-button.ts';
export { walkLedger } from './ledger/ledger.ts';
export { MDNS_PORT } from './mdns/announcer.ts';
export type { MotionSettings } from './motion/detector.ts';
export { MotionTrial } from './motion/motion-trial.ts';
export { followOtherDoors } from './other-doors-setting.ts';
export { GAP_US } from './ring/ring-interface.ts';
export { startDevice } from './start-device.ts';
export * from './update/release-manifest.ts';
