/** Which server of a list holds a key. */
export interface Placement {
  /**
   * The index of the server for this text; for an `attempt` above 0, of the next one in its order, for when those before it are dead.
   * `undefined`: none is left.
   */
  serverOf(route: string, attempt: number): number | undefined
}
