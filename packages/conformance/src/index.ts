/** The backends on which the suite runs in this repository. */
export const backends = ['memory', 'redis', 'memcached'] as const
