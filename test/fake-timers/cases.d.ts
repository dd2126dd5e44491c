/** Where a case runs. */
export interface CaseBench {
  /** Of a server and an unused namespace; empty for the memory cache. */
  readonly url: string
  /** Installs fake timers, and returns what puts the real ones back. */
  install(): () => void
  /** Stops the server's process, and lets it go on. */
  freeze(): unknown
  thaw(): void
}

type Cases = Record<string, (bench: CaseBench) => Promise<void>>

/** By title: for every backend. */
export const everywhere: Cases
/** By title: for a server. */
export const withServer: Cases
