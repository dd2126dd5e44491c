export { parseBytes } from './byte-size.js'
export { SerializationError } from './errors.js'
export {
  CODEC_BIGINT,
  CODEC_BUFFER,
  CODEC_BYTES,
  CODEC_JSON,
  CODEC_V8,
  type Encoded,
  FLAG_GUARD,
  FLAG_INTEGER,
  FLAG_LONG,
  FLAG_PICKLE,
  FLAG_TEXT,
  FLAG_ZLIB,
} from './flags.js'
export { FRAME_BYTE, frame, unframe } from './frame.js'
export type { CompressionOptions, SerializerOptions } from './options.js'
export { createSerializer, type Serializer } from './serializer.js'
