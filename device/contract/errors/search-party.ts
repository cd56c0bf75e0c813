// Owns: the failures of Search Party. Not here: the one closed table (../errors.ts).
import { machineFault, refused, unusableInput } from './kinds.ts';

export const searchPartyErrors = {
  search_party_off: refused(
    409,
    'This home takes no part in Search Party.',
    'Turn it on with `doorsill search-party on`.',
  ),
  search_photo_invalid: unusableInput(
    422,
    'The photo cannot be used: {detail}',
    'Name a JPEG, PNG or WebP picture of the pet, of at most 8 MB.',
  ),
  search_limits: refused(409, 'The search was not taken: {detail}', 'See the limits in `GET /v1/search-party`.'),
  search_not_open: refused(
    409,
    'There is no such open search.',
    'It may have ended, or its pet was found; `doorsill search-party list` shows what is open.',
  ),
  search_poster_unknown: refused(
    403,
    'The bridge does not know the home of who signed this: {detail}',
    'Post as the owner of a doorbell that is enrolled at this bridge.',
  ),
  sighting_unknown: refused(
    404,
    'This device has no still of that search.',
    'Stills are kept in memory until the search ends or the device restarts; `doorsill search-party sightings` lists them.',
  ),
  search_model_unusable: machineFault(
    422,
    'The model {file} cannot be used: {detail}',
    'Name a YOLOX model in ONNX form in searchParty.model, or none: likeness by colour and size needs no model.',
  ),
  search_runtime_missing: machineFault(
    500,
    'The model {file} needs a package that is not there: onnxruntime-node.',
    'Add it with `ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node`, or leave searchParty.model out.',
  ),
} as const;
