import type { PayloadName } from './payloads.js'

/** One cache or client under test, as an application would call it. What a verb answers is the contender's own shape. */
export interface Contender {
  get(key: string): unknown
  set(key: string, value: unknown): unknown
  /** A Map of hits, or an array in the order of `keys`. */
  getMany(keys: string[]): unknown
  /** Where there is no such verb: the read and the load that an application would write by hand. */
  getOrSet(key: string, load: () => unknown): unknown
  close(): unknown
}

/** What a contender is opened with. */
export type Opening = {
  /** The port of the server on 127.0.0.1; 0 for contenders in process. */
  readonly port: number
  /** What it will hold: a bare client needs to be told whether to parse JSON, as its application knows it. */
  readonly payload: PayloadName
}
