import type { PayloadName } from './payloads.js'

/** One cache or client under test, as an application would call it. The answers have the contender's own shape. */
export interface Contender {
  get(key: string): unknown
  set(key: string, value: unknown): unknown
  /** A Map of hits, or an array in the order of `keys`. */
  getMany(keys: string[]): unknown
  /** If the contender has no such method: the read and the load that an application would write by hand. */
  getOrSet(key: string, load: () => unknown): unknown
  /** What a contender with tags offers. */
  readonly tagged?: Tagged
  close(): unknown
}

/** Entries that have tags, each invalidated by any of its own. */
export interface Tagged {
  set(key: string, value: unknown, tags: string[]): unknown
  getOrSet(key: string, load: () => unknown, tags: string[]): unknown
  invalidate(tag: string): unknown
}

/** What a contender is opened with. */
export type Opening = {
  /** The port of the server on 127.0.0.1; 0 for contenders in process. */
  readonly port: number
  /** What the contender will hold: an application over a raw client knows whether to parse JSON. */
  readonly payload: PayloadName
}
