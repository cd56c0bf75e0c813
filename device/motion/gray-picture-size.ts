// Owns: the size of the gray pictures that motion looks at, and their division into blocks. Not here: where they come from.
import { GRAY_HEIGHT, GRAY_WIDTH } from '../camera/ffmpeg-capture-command.ts';

export const PICTURE_WIDTH = GRAY_WIDTH;
export const PICTURE_HEIGHT = GRAY_HEIGHT;

/** Blocks of 8x8 pixels; the lowest row is cut short where the height is no multiple. */
export const BLOCK_PIXELS = 8;
export const BLOCK_COLUMNS = Math.ceil(PICTURE_WIDTH / BLOCK_PIXELS);
export const BLOCK_ROWS = Math.ceil(PICTURE_HEIGHT / BLOCK_PIXELS);
export const BLOCKS = BLOCK_COLUMNS * BLOCK_ROWS;
