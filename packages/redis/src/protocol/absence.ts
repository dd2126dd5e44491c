import { epochNow } from '@anycache/core'
import { countsAsAbsent, FRAME_BYTE, unframe } from '@anycache/serializer'

/** The arguments, behind the key, of the GETRANGE that reads a head: frame, longest flags, and metadata up to its soft deadline. */
export const headRange = ['0', '15'] as const
const metadataMark = 0xa1
const softDeadlineEnd = 9

/** Whether the value with this head counts as absent, as far as a head shows. Scripts look for themselves: `look` in scripts.ts. */
export function isAbsent(head: Buffer | undefined): boolean {
  if (head === undefined || head[0] !== FRAME_BYTE) return false
  try {
    const { flags, data } = unframe(head, false)
    const hasMetadata = data[0] === metadataMark && data.length >= softDeadlineEnd
    return countsAsAbsent({ flags, metadata: hasMetadata ? data : undefined }, epochNow())
  } catch {
    return false
  }
}
