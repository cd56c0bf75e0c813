// Size of the gray pictures, and their division into blocks.
import { GRAY_HEIGHT, GRAY_WIDTH } from '../camera/ffmpeg-capture-command.ts';

export const PICTURE_WIDTH = GRAY_WIDTH;
export const PICTURE_HEIGHT = GRAY_HEIGHT;

/** Blocks of 8x8 pixels; the lowest row is cut short if the height is not a multiple. */
export const BLOCK_PIXELS = 8;
export const BLOCK_COLUMNS = Math.ceil(PICTURE_WIDTH / BLOCK_PIXELS);
export const BLOCK_ROWS = Math.ceil(PICTURE_HEIGHT / BLOCK_PIXELS);
export const BLOCKS = BLOCK_COLUMNS * BLOCK_ROWS;
