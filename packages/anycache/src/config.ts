import type { Duration, Ttl } from '@anycache/core'

/** A number of bytes, or text such as `'512b'`, `'4kb'`, `'64mb'`, `'1gb'` (units of 1024). */
export type ByteSize = number | string

/** The options of every driver, so that a change of driver changes nothing else. */
export interface CommonConfig {
  /** The part of the keyspace this cache owns: letters, digits, `_`, `.`, `-`. Default: none; then keys travel bare and `clear()` is refused on a server. */
  readonly namespace?: string | undefined
  /** The ttl of entries that are set without one: ms, `'30s'`, or Infinity. Default Infinity. */
  readonly ttl?: Ttl | undefined
  /** Shortens every ttl by a random share of it, up to this one (0 to 1). Default 0. */
  readonly jitter?: number | undefined
  /** What `getOrSet`, `getOrSetMany` and `wrap` do where a call names nothing else. */
  readonly readThrough?: ReadThroughConfig | undefined
  /** How long a call may wait for the server, connecting included: ms or `'250ms'`. Default 500 ms. In process nothing waits. */
  readonly timeout?: Duration | undefined
  /** `'open'`: an outage looks like a miss. `'throw'`: it rejects. Default `'open'`. */
  readonly onError?: 'open' | 'throw' | undefined
  /** When calls to a failing server are suspended (circuit breaker); `false`: never. Without effect in process. */
  readonly breaker?: false | BreakerConfig | undefined
  /** How values become bytes. */
  readonly serializer?: SerializerConfig | undefined
  /** Encoded values over this size are not stored. Default: only the backend's own limit. */
  readonly maxValueBytes?: ByteSize | undefined
  /** Permits `flush()`, which empties the whole backend, other applications' entries too. Default false. */
  readonly allowFlush?: boolean | undefined
  /** What `info().name` says. Default: none; in `createCaches` the store's name. */
  readonly name?: string | undefined
  /** Where editors find the schema of a JSON config. Read only by editors. */
  readonly $schema?: string | undefined
}

/** What `getOrSet`, `getOrSetMany` and `wrap` do where a call names nothing else. */
export interface ReadThroughConfig {
  /** How long past its ttl an entry is served while one refresh runs in the background: ms, `'30s'`, Infinity, or 0 for not at all. Default 0. */
  readonly staleWhileRevalidate?: Ttl | undefined
  /** How long past its ttl an entry is served where its loader fails: ms, `'30s'`, Infinity, or 0 for not at all. Default 0. */
  readonly staleIfError?: Ttl | undefined
  /** How long to wait for a loader before the value that `staleIfError` permits is served; the load then ends in the background. Default Infinity. */
  readonly softTimeout?: Duration | undefined
  /** How long to wait for a loader at all: then a stale value that `staleIfError` permits, or a `TimeoutError`. Default Infinity. */
  readonly hardTimeout?: Duration | undefined
  /** The share of the ttl (0 to 1) after which a hit starts a refresh in the background. 0 and 1: never. Default 0. */
  readonly refreshAhead?: number | undefined
  /** How eagerly hits start a refresh before the ttl ends, by chance (XFetch's β): 1 is usual, 0 never. Default 0. */
  readonly earlyRefresh?: number | undefined
  /** How long one process may load a key while the others wait or serve stale; `false`: each loads for itself. Default 10 s. */
  readonly lease?: Duration | false | undefined
  /** A loader's `null` is returned but not stored. Default false. */
  readonly skipNull?: boolean | undefined
}

/** When calls to a failing server are suspended (circuit breaker). */
export interface BreakerConfig {
  /** Failures in a row that open the breaker; a refused connection opens it at once. Default 5. */
  readonly failures?: number | undefined
  /** Time to the first probe after opening. Default 100 ms. */
  readonly minDelay?: Duration | undefined
  /** Longest time between probes; the delay doubles up to here. Default 700 ms. */
  readonly maxDelay?: Duration | undefined
}

/** How values become bytes. */
export interface SerializerConfig {
  /** Compresses large values with zlib; `false` writes everything as it is (compressed values are still read). */
  readonly compression?: false | CompressionConfig | undefined
  /** The most bytes a compressed value may inflate to before it is refused; larger values are written uncompressed. Default `'64mb'`. */
  readonly maxDecodedBytes?: ByteSize | undefined
}

/** When and how hard to compress. */
export interface CompressionConfig {
  /** Values of at least this size are compressed, and stay so if that saves a tenth. Default `'4kb'`. */
  readonly threshold?: ByteSize | undefined
  /** zlib's level, from 1 (fastest) to 9 (smallest). Default 1. */
  readonly level?: number | undefined
}

/** TLS to a server. `true` trusts the system's authorities. */
export interface TlsConfig {
  /** The authorities to trust, as PEM text. Default: the system's. */
  readonly ca?: string | readonly string[] | undefined
  /** The client's certificate, as PEM text. */
  readonly cert?: string | undefined
  /** The client's private key, as PEM text. */
  readonly key?: string | undefined
  /** The passphrase of `key`. */
  readonly passphrase?: string | undefined
  /** The name that the server's certificate must have. Default: the host. */
  readonly servername?: string | undefined
  /** `false` accepts any certificate: encrypted, but anyone may answer. Default true. */
  readonly rejectUnauthorized?: boolean | undefined
}

/** Entries in this process. With neither bound given at most 10 000 entries and 64 MiB. */
export interface MemoryConfig extends CommonConfig {
  readonly driver: 'memory'
  /** Most entries held; one more evicts the least recently used. Default: 10 000, or none where `maxBytes` is given. */
  readonly maxEntries?: number | undefined
  /** Most bytes held, keys and encoded values. Default: 64 MiB, or none where `maxEntries` is given. Not with `isolation: 'reference'`. */
  readonly maxBytes?: ByteSize | undefined
  /** `'copy'`: every read gives a copy of its own. `'reference'`: the very value that was written, shared by all. Default `'copy'`. */
  readonly isolation?: 'copy' | 'reference' | undefined
}

/** The options that Redis and memcached share. */
export interface ServerConfig extends CommonConfig {
  /** The user to log in as. Redis: default user if none is given. memcached: SASL PLAIN, with `password`. */
  readonly username?: string | undefined
  /** `true`, or its options. Default false (`rediss://` and `valkeys://`: true). */
  readonly tls?: boolean | TlsConfig | undefined
  /** Most bytes queued or unanswered per server; beyond it calls fail with `ERR_CACHE_OVERLOADED`. Default 64 MiB. */
  readonly maxInFlightBytes?: ByteSize | undefined
}

/** One Redis or Valkey server. */
export interface RedisConfig extends ServerConfig {
  readonly driver: 'redis'
  /** `redis://`, `rediss://`, `valkey://`, `valkeys://` or `unix://`, with any option as a parameter. An option may not be in both the URL and the object. */
  readonly url?: string | undefined
  /** Default `localhost`. */
  readonly host?: string | undefined
  /** Default 6379. */
  readonly port?: number | undefined
  /** A unix socket, instead of host and port. */
  readonly path?: string | undefined
  /** The number of the database. Default 0. */
  readonly db?: number | undefined
  /** The password, empty for none; or a function that returns or resolves it, called for each connection: for tokens that expire. Never shown in an error, an event or `info()`. */
  readonly password?: string | (() => string | Promise<string>) | undefined
  /** Which addresses of the host are tried: 4 for IPv4, 6 for IPv6, 0 for both. Default 0. */
  readonly family?: 0 | 4 | 6 | undefined
  /** The version of RESP that is spoken; 2 for servers behind proxies that do not know HELLO. Default 3. */
  readonly protocol?: 2 | 3 | undefined
  /** What `CLIENT LIST` calls the connection. Default: nothing. */
  readonly clientName?: string | undefined
}

/** One or more memcached servers; each key lives on one of them. */
export interface MemcachedConfig extends ServerConfig {
  readonly driver: 'memcached'
  /** `memcached://a:11211,b:11211`, with any option as a parameter. An option may not be in both the URL and the object. */
  readonly url?: string | undefined
  /** `host`, `host:port`, `[::1]:11211`, `unix:/path`, or an object; in the same order in every process. Default `['127.0.0.1:11211']`. */
  readonly servers?: readonly (string | MemcachedServerConfig)[] | undefined
  /** The password of `username`; empty for none. Never shown in an error, an event or `info()`. */
  readonly password?: string | undefined
}

/** One memcached server: `host` and `port`, or `path`. */
export interface MemcachedServerConfig {
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined
  /** Default 11211. */
  readonly port?: number | undefined
  /** A unix socket, instead of host and port. */
  readonly path?: string | undefined
  /** Its share of the keys against the others'; a whole number from 1. Default 1. */
  readonly weight?: number | undefined
  /** `true`, or its options. Default: the `tls` of the config. */
  readonly tls?: boolean | TlsConfig | undefined
}

/** A cache that holds nothing: every read misses, every write is accepted. */
export interface NullConfig extends CommonConfig {
  readonly driver: 'null'
}

/** Any driver, chosen by a URL, with options of that driver. An option may not be in both the URL and the object. */
export interface UrlConfig
  extends Omit<RedisConfig, 'driver' | 'url'>,
    Omit<MemcachedConfig, 'driver' | 'url' | 'password'>,
    Omit<MemoryConfig, 'driver'> {
  readonly driver?: undefined
  /** A URL of any driver, with any option as a parameter. An option may not be in both the URL and the object. */
  readonly url: string
}

/** What `createCache` takes: pure data, never changed, kept or connected to before all of it is checked. */
export type CacheConfig = MemoryConfig | RedisConfig | MemcachedConfig | NullConfig | UrlConfig

/** What `createCaches` takes: stores by name, and options for each store that does not set them itself. */
export interface CachesConfig extends Omit<CommonConfig, 'name'> {
  /** The name of the store behind `caches.default`. */
  readonly default: string
  /** Each a config or a URL, as `createCache` takes it. */
  readonly stores: { readonly [name: string]: string | CacheConfig }
}
