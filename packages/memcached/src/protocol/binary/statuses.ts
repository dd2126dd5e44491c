import type { Status } from '../../request.js'

const statuses = new Map<number, { readonly status: Status; readonly reason: string }>([
  [0x01, { status: 'missing', reason: 'not found' }],
  [0x02, { status: 'exists', reason: 'data exists for the key' }],
  [0x03, { status: 'too-large', reason: 'too large' }],
  [0x04, { status: 'refused', reason: 'invalid arguments' }],
  [0x05, { status: 'refused', reason: 'not stored' }],
  [0x06, { status: 'not-a-number', reason: 'not a number' }],
  [0x20, { status: 'unauthorized', reason: 'it wants a login' }],
  [0x81, { status: 'unknown-command', reason: 'unknown command' }],
  [0x82, { status: 'refused', reason: 'out of memory; raise memcached’s -m, or start it without -M' }],
  [0x83, { status: 'refused', reason: 'not supported' }],
  [0x84, { status: 'refused', reason: 'internal error' }],
  [0x85, { status: 'refused', reason: 'busy' }],
  [0x86, { status: 'refused', reason: 'temporary failure' }],
])

/** The binary protocol's code for a failure, in our terms and in memcached's words. */
export function statusOf(code: number): { readonly status: Status; readonly reason: string } {
  return statuses.get(code) ?? { status: 'refused', reason: `status 0x${code.toString(16)}` }
}
