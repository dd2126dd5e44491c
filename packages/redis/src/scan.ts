import type { Call } from '@anycache/core'
import type { Queue } from './batching/batcher.js'

/** Keys looked at per step: 100k of 1M keys were found in 0.9 s so, while others' p99 stayed under 1 ms; 10 took 4.4 s, 10 000 held others up 11 ms. */
const step = '1000'

/** Batches of raw wire keys that match, some perhaps empty, some keys perhaps more than once. `pattern` is Redis' and includes the client's prefix. */
export async function* scan(
  queue: Queue,
  pattern: string,
  nextCall: () => Call,
): AsyncGenerator<Buffer[], void, undefined> {
  let cursor = '0'
  do {
    const page = await queue.request(
      'scan',
      [cursor, 'MATCH', pattern, 'COUNT', step],
      undefined,
      nextCall().deadline,
      pageOf,
    )
    cursor = page.cursor
    yield page.keys
  } while (cursor !== '0')
}

function pageOf(reply: unknown): { cursor: string; keys: Buffer[] } {
  const [cursor, keys] = reply as [Buffer, Buffer[]]
  return { cursor: String(cursor), keys }
}

/** Text that stands for itself in a Redis pattern. */
export function literal(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, '\\$&')
}

/** The Redis pattern of a `?` and `*` pattern, or a wider one: Redis' `?` is one byte, ours one character. */
export function globOf(pattern: string): string {
  return pattern.replace(/[*?[\]\\^-]/g, found => (found === '*' ? '*' : found === '?' ? '?*' : `\\${found}`))
}
