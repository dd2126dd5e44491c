/** The first byte of a framed value: 0xC1 never begins valid UTF-8, so no bare string can be taken for a frame. */
export const FRAME_BYTE = 0xc1
