/** The setting of a case. */
export interface CaseBench {
  /** The URL of a server with an unused namespace; empty for the memory cache. */
  readonly url: string
  /** Installs fake timers, and returns a function that restores the real ones. */
  install(): () => void
  /** Freezes the server's process, and `thaw` resumes it. */
  freeze(): unknown
  thaw(): void
}

type Cases = Record<string, (bench: CaseBench) => Promise<void>>

/** Cases for every backend, by title. */
export const everywhere: Cases
/** Cases for a server, by title. */
export const withServer: Cases
