import { type ParsedAddress, parseAddress } from '@anycache/memcached/address'
import type { MemcachedServerConfig } from './config.js'

export { addressName } from '@anycache/memcached/address'

/** A server of a checked config, spelt out: its text is read as `MemcachedStore` reads it. */
export function memcachedAddress(server: string | MemcachedServerConfig): MemcachedServerConfig {
  return typeof server === 'string' ? (parseAddress(server) as ParsedAddress) : server
}
