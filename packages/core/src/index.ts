/** Milliseconds an operation may take, connecting included, when neither the cache nor the call sets `timeout`. */
export const DEFAULT_TIMEOUT = 500
