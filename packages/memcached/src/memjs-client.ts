/** What is needed of a ready memjs `Client`: its servers, their logins, and where it places keys. */
export interface MemjsSource {
  readonly servers: readonly {
    readonly host: string
    readonly port: number
    readonly username?: string | undefined
    readonly password?: string | undefined
  }[]
  /** The index of the server for a key. */
  getServer(key: string): number
}

type Value = string | Buffer
/** `expires` in whole seconds; past 30 days, a point in Unix time. Default: never. */
type Expiry = { readonly expires?: number }

/** The verbs of memjs' `Client`, which comes without types: its promise forms. They reject with memjs' errors or ours. */
export interface MemjsClient extends MemjsSource {
  /** `value` is null on a miss. */
  get(key: string): Promise<{ value: Buffer | null; flags: Buffer | null }>
  set(key: string, value: Value, options: Expiry): Promise<boolean>
  /** False: something is there. */
  add(key: string, value: Value, options: Expiry): Promise<boolean>
  /** False: nothing is there. */
  replace(key: string, value: Value, options: Expiry): Promise<boolean>
  /** False: nothing was there. */
  delete(key: string): Promise<boolean>
  /** Rejects where nothing is there. */
  append(key: string, value: Value): Promise<boolean>
  /** False: nothing is there. */
  touch(key: string, expires: number): Promise<boolean>
  /** Creates an absent counter at `initial`, 0 by default, without counting. Right up to 2^32 − 1 only. */
  increment(key: string, amount: number, options: Expiry & { initial?: number }): Promise<{ value: number | null }>
  decrement(key: string, amount: number, options: Expiry & { initial?: number }): Promise<{ value: number | null }>
}
