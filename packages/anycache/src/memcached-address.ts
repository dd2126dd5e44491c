import { type ParsedAddress, parseAddress } from '@anycache/memcached/address'
import type { MemcachedServerConfig } from './config.js'

export { addressName } from '@anycache/memcached/address'

/** The parts of a server in a checked config. Text is parsed as `MemcachedStore` parses it. */
export function memcachedAddress(server: string | MemcachedServerConfig): MemcachedServerConfig {
  return typeof server === 'string' ? (parseAddress(server) as ParsedAddress) : server
}
