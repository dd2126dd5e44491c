import { type Encoded, FLAG_INTEGER, nativeFormat, SerializationError, type Serializer } from '@anycache/serializer'

/** A flag of this store alone: the payload is a {@link Reference}. No serializer uses bit 31. */
const referenceFlag = 0x8000_0000

/** A value where bytes are looked for. It has no size. */
class Reference {
  readonly value: unknown
  readonly length = 0
  readonly byteLength = 0

  constructor(value: unknown) {
    this.value = value
  }
}

/** Hands values through as they are. Whole numbers ≥ 0 become digits, since counters count those. */
export const referenceSerializer: Serializer = {
  format: { ...nativeFormat, counterFlags: [FLAG_INTEGER] },

  encode(value: unknown): Encoded {
    if (Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0)) {
      return { flags: FLAG_INTEGER, data: String(value) }
    }
    return { flags: referenceFlag, data: new Reference(value) as unknown as Uint8Array }
  },

  decode(flags: number, data: Uint8Array | string): unknown {
    if (flags === referenceFlag) return (data as unknown as Reference).value
    if (flags === FLAG_INTEGER) return Number(data)
    throw new SerializationError(`flags ${flags} are not of a store by reference`)
  },
}
