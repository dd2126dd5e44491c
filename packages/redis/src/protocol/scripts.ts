import type { Counted, Written } from '@anycache/core'

// By EVAL, never EVALSHA: the second try after NOSCRIPT would let later commands on the key overtake it.
// Each writes once, as its last step: one that is refused half-way has changed nothing.

/** Reads the key as `v`: false where it is absent, a table where it holds a list or another type. Any other refusal is the answer. */
const read = `local v = redis.pcall('GET', KEYS[1])
if type(v) == 'table' and not string.find(v.err, '^WRONGTYPE') then return v end`

/** ARGV: token, value, px (0: no expiry). Answers an index of {@link casAnswers}. */
export const compareAndSet: string = `${read}
if not v then return 0 end
if type(v) == 'table' or redis.sha1hex(v) ~= ARGV[1] then return 1 end
if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 2`

export const casAnswers: readonly Written['outcome'][] = ['missing', 'conflict', 'stored']

/** ARGV: token. Answers 1 where it deleted. */
export const compareAndDelete: string = `${read}
if not v or type(v) == 'table' or redis.sha1hex(v) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])`

/** PERSIST alone answers 0 for a key without expiry as it does for none. */
export const persist = `local there = redis.call('EXISTS', KEYS[1])
redis.call('PERSIST', KEYS[1])
return there`

/**
 * ARGV: by, value to create at ('' for none), px of a created one (0: no expiry). Answers the count as digits, or a letter of
 * {@link countAnswers}. Lua's numbers are doubles: every one here is at most 2^53 from 0 and so exact; INCRBY would not stop
 * at 2^53-1, and would count what is no counter to the other backends.
 */
export const count: string = `local max = 9007199254740991
${read}
if not v then
  if ARGV[2] == '' then return 'm' end
  if tonumber(ARGV[2]) > max then return 'r' end
  if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
  return ARGV[2]
end
if type(v) == 'table' or #v > 16 or not (v == '0' or string.match(v, '^[1-9]%d*$')) then return 'n' end
local n, by = tonumber(v), tonumber(ARGV[1])
if n > max then return 'n' end
if by > max - n then return 'r' end
n = string.format('%.0f', math.max(0, n + by))
redis.call('SET', KEYS[1], n, 'KEEPTTL')
return n`

export const countAnswers: Readonly<Record<string, Extract<Counted, { refused: unknown }>['refused']>> = {
  m: 'missing',
  n: 'not-a-counter',
  r: 'out-of-range',
}
