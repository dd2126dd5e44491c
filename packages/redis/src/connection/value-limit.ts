/** Redis' own limit of a string, unless `proto-max-bulk-len` says less: it closes the connection on a larger one. */
export const maxValueBytes: number = 512 * 2 ** 20
/** The least that `proto-max-bulk-len` can be set to. */
const leastLimit = 2 ** 20

/** How large a value the server takes: as it says where the user may ask it, else as its answers have shown. */
export class ValueLimit {
  #most = maxValueBytes
  #proven = leastLimit
  /** What is known comes from another connection. */
  #stale = false

  /** The largest value that the server takes, in bytes, as far as is known. */
  get most(): number {
    return this.#most
  }

  /** Whether so many bytes need not be sent to be refused. */
  refuses(bytes: number): boolean {
    return bytes > this.#most && !this.#stale
  }

  /** Whether so many bytes are taken without doubt. */
  isProven(bytes: number): boolean {
    return bytes <= this.#proven
  }

  /** The server's setting. */
  learnt(bytes: number): void {
    if (!(bytes >= leastLimit)) return
    this.#most = Math.min(bytes, maxValueBytes)
    this.#proven = this.#most
    this.#stale = false
  }

  taken(bytes: number): void {
    this.#proven = Math.max(this.#proven, bytes)
  }

  /** So many were refused. Where the server cannot be asked, as much is not tried again by this process. */
  refused(bytes: number): void {
    this.#most = Math.min(this.#most, bytes - 1)
    this.#stale = false
  }

  /** The connection is another one, perhaps to a server of other limits. */
  doubt(): void {
    this.#stale ||= this.#proven === this.#most
    this.#proven = leastLimit
  }
}
