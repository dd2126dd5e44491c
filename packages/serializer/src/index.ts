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
  FLAG_LEASE,
  FLAG_LONG,
  FLAG_METADATA,
  FLAG_PICKLE,
  FLAG_TEXT,
  FLAG_ZLIB,
  FLAGS_TORN,
} from './flags.js'
export { FRAME_BYTE, frame, unframe } from './frame.js'
export {
  countsAsAbsent,
  type Metadata,
  readMetadata,
  renewed,
  softDeadlineOf,
  splitMetadata,
  writeMetadata,
} from './metadata.js'
export type { CompressionOptions, SerializerOptions } from './options.js'
export { createSerializer, type Format, nativeFormat, type Serializer } from './serializer.js'
