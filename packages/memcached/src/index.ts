/** The name by which a config chooses this store. */
export const driver = 'memcached'
