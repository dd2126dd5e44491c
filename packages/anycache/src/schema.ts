import { z } from 'zod'
import type { CachesConfig, MemcachedConfig, MemoryConfig, NullConfig, RedisConfig, UrlConfig } from './config.js'
import {
  byteSize,
  duration,
  flag,
  lease,
  object,
  oneOf,
  orFalse,
  patience,
  share,
  staleWindow,
  text,
  ttl,
  whole,
} from './option-schemas.js'

const breaker = orFalse(
  object({
    failures: whole(1, Number.MAX_SAFE_INTEGER).optional(),
    minDelay: duration.optional(),
    maxDelay: duration.optional(),
  }),
  'must be false or an object with failures, minDelay, maxDelay',
)

const serializer = object({
  compression: orFalse(
    object({ threshold: byteSize.optional(), level: whole(1, 9).optional() }),
    'must be false or an object with threshold, level',
  ).optional(),
  maxDecodedBytes: byteSize.optional(),
})

const beta = 'must be a number from 0, 1 being usual'
const readThrough = object({
  staleWhileRevalidate: staleWindow.optional(),
  staleIfError: staleWindow.optional(),
  softTimeout: patience.optional(),
  hardTimeout: patience.optional(),
  refreshAhead: share.optional(),
  earlyRefresh: z.number({ error: beta }).min(0, { error: beta }).optional(),
  lease: lease.optional(),
  skipNull: flag.optional(),
})

const common = {
  namespace: z
    .string({ error: 'must be text' })
    .regex(/^[A-Za-z0-9_.-]+$/, { error: 'must contain only letters, digits, "_", "." and "-"' })
    .optional(),
  ttl: ttl.optional(),
  jitter: share.optional(),
  readThrough: readThrough.optional(),
  timeout: duration.optional(),
  onError: oneOf(['open', 'throw']).optional(),
  breaker: breaker.optional(),
  serializer: serializer.optional(),
  maxValueBytes: byteSize.optional(),
  allowFlush: flag.optional(),
  name: text.optional(),
  $schema: z.string({ error: 'must be text' }).optional(),
}

const tls = z.union(
  [
    z.boolean(),
    object({
      ca: z.union([text, z.array(text)], { error: 'must be PEM text, or an array of it' }).optional(),
      cert: text.optional(),
      key: text.optional(),
      passphrase: text.optional(),
      servername: text.optional(),
      rejectUnauthorized: flag.optional(),
    }),
  ],
  { error: 'must be true, false, or an object with ca, cert, key, passphrase, servername, rejectUnauthorized' },
)

const port = whole(1, 65_535)
const url = z.string({ error: 'must be a URL as text' })

const server = {
  ...common,
  url: url.optional(),
  username: text.optional(),
  tls: tls.optional(),
  maxInFlightBytes: byteSize.optional(),
}

const memcachedServerError =
  'must be "host", "host:port", "[::1]:11211", "unix:/path", or an object with host, port, path, weight, tls'
const memcachedServer = z.union(
  [
    // No "@" and no "//": credentials are options of their own, and a URL is not one server.
    z
      .string()
      .regex(/^unix:(\/\/)?\/[^/].*$|^(\[[0-9A-Fa-f:.%]+\]|[^\s:/@[\]]+)(:\d{1,5})?$/, { error: memcachedServerError })
      .refine(server => server.startsWith('unix:') || portFits(server), {
        error: 'must have a port from 1 to 65535',
      }),
    object({
      host: text.optional(),
      port: port.optional(),
      path: text.optional(),
      weight: whole(1, 65_535).optional(),
      tls: tls.optional(),
    }),
  ],
  { error: memcachedServerError },
)

// Empty text counts as no password: a template whose variable is not set.
const password = z.string({ error: 'must be text' }).optional()
const passwordOrSource = z
  .custom<RedisConfig['password']>(value => typeof value === 'string' || typeof value === 'function', {
    error: 'must be text, or a function that returns it',
  })
  .meta({ type: 'string' })
  .optional()

const memory = {
  ...common,
  maxEntries: whole(1, 2 ** 24).optional(),
  maxBytes: byteSize.optional(),
  isolation: oneOf(['copy', 'reference']).optional(),
}

const redis = {
  ...server,
  password: passwordOrSource,
  host: text.optional(),
  port: port.optional(),
  path: text.optional(),
  db: whole(0, 2 ** 31 - 1).optional(),
  family: z.literal([0, 4, 6], { error: 'must be 4, 6, or 0 for both' }).optional(),
  protocol: z.literal([2, 3], { error: 'must be 2 or 3' }).optional(),
  clientName: text.optional(),
}

const memcached = {
  ...server,
  password,
  servers: z
    .array(memcachedServer, { error: 'must be an array of servers, as in ["a:11211", "b:11211"]' })
    .min(1, { error: 'must name at least one server' })
    .optional(),
}

/** A driver's config after the check, with its URL already parsed. */
export type CheckedConfig = MemoryConfig | RedisConfig | MemcachedConfig | NullConfig

/** The options of each driver. */
export const driverSchemas: {
  readonly memory: z.ZodType<MemoryConfig>
  readonly redis: z.ZodType<RedisConfig>
  readonly memcached: z.ZodType<MemcachedConfig>
  readonly null: z.ZodType<NullConfig>
} = {
  memory: object({ driver: z.literal('memory'), ...memory }),
  redis: object({ driver: z.literal('redis'), ...redis }),
  memcached: object({ driver: z.literal('memcached'), ...memcached }),
  null: object({ driver: z.literal('null'), ...common }),
}

const ofAnyDriver = { ...memory, ...memcached, ...redis }

/** `{ url, … }` without a driver, for editors: the URL decides which options are allowed. */
export const urlSchema: z.ZodType<UrlConfig> = object({ ...ofAnyDriver, url })

/** Checks a config whose driver is not known. */
export const anyDriverSchema: z.ZodType<unknown> = object({ driver: z.unknown().optional(), ...ofAnyDriver })

const { name: _, ...shared } = common

/** What `createCaches` takes. Its stores are checked one by one. */
export const cachesSchema: z.ZodType<Omit<CachesConfig, 'stores'> & { readonly stores: Record<string, unknown> }> =
  object({
    ...shared,
    default: z.string({ error: 'must name one of the stores' }).min(1, { error: 'must name one of the stores' }),
    stores: z.record(z.string(), z.unknown(), { error: 'must be an object of configs by name' }),
  })

function portFits(server: string): boolean {
  const port = /:(\d+)$/.exec(server.replace(/^\[.*\]/, ''))?.[1]
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65_535)
}
