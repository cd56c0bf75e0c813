// Owns: the failures of replaying footage, and of recording it for replays. Not here: the one closed table (../errors.ts).
import { machineFault, machineFaultForNow, refused, unreachable, unusableInput, wrongUsage } from './kinds.ts';

export const replayErrors = {
  replay_no_footage: unusableInput(
    404,
    'Nothing to replay was found: {detail}',
    'Name a video file, a folder of videos, a folder of images, or a pattern in quotes, such as "porch/*.mp4".',
  ),
  replay_footage_mixed: unusableInput(
    422,
    'The folder {folder} holds videos and images.',
    'Name the one or the other with a pattern, such as "folder/*.jpg".',
  ),
  replay_too_much: wrongUsage(413, 'There is more to replay than one run takes: {detail}', 'Replay it in parts.'),
  replay_folder_paired: refused(
    403,
    'The folder {folder} belongs to a doorbell that keeps its footage.',
    'A replay reads and writes plain footage: name another folder.',
  ),
  replay_folder_taken: wrongUsage(
    409,
    'The folder {folder} already holds something.',
    'Name an empty or a new folder; nothing is overwritten.',
  ),
  replay_footage_broken: unusableInput(
    422,
    'The footage of {camera} ended early: {detail}',
    'Check the file with ffmpeg, or replay the part before with --to.',
  ),
  replay_stuck: machineFault(
    504,
    'Nothing came of {camera} for {seconds} s.',
    'Check that the file can be read and that ffmpeg runs on this machine.',
  ),
  record_too_long: wrongUsage(
    422,
    '{asked} is more than is recorded at once: {detail}',
    'Say a shorter --for, and record again into another folder.',
  ),
  record_nothing: unreachable(
    404,
    'Nothing was recorded: {detail}',
    'Check the camera with `doorsill doctor`, or try it with `doorsill up --camera`.',
  ),
  record_replay_fails: machineFault(
    500,
    'What was recorded does not replay: {detail}',
    'The recording is kept; run `doorsill test` on its folder to see more.',
  ),
  record_disk_full: machineFaultForNow(
    507,
    'The disk was full before all of the recording was written: its first {length} ({bytes}) are kept in {folder}.',
    'What is kept can be played and replayed; free space, or name a place on another disk with --out, and record the rest.',
  ),
  record_cut_short: unreachable(
    502,
    'The recording ended after {length}: {detail}',
    'What there was is kept, and replays; record again for the rest.',
  ),
} as const;
