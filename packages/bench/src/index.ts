/** Numbers of calls kept in flight at once, one table row each. */
export const IN_FLIGHT = [1, 64, 512] as const
