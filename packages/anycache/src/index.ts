/** The drivers a config may name. */
export const drivers = ['memory', 'redis', 'memcached', 'null'] as const
