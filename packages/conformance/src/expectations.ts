import type { Cache, CacheError, ErrorCode } from '@anycache/core'
import { expect } from 'vitest'

/** The error with which `call` rejects. Fails where it resolves, throws without a promise, or rejects with another code. */
export async function rejection(call: () => Promise<unknown>, code: ErrorCode): Promise<CacheError> {
  const settled = await outcomeOf(call())
  if ('value' in settled) throw new Error(`expected a rejection with ${code}, got the value ${show(settled.value)}`)
  const error = settled.error as CacheError
  expect(error).toBeInstanceOf(Error)
  expect(error.code, `${error.name}: ${error.message}`).toBe(code)
  return error
}

/** The error that `call` throws at once. */
export function thrown(call: () => unknown, code: ErrorCode): CacheError {
  try {
    call()
  } catch (error) {
    expect((error as CacheError).code, String(error)).toBe(code)
    return error as CacheError
  }
  throw new Error(`expected ${code} to be thrown, and nothing was`)
}

/** A promise of either side, which never rejects. */
export async function outcomeOf<T>(promise: Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await promise }
  } catch (error) {
    return { error }
  }
}

/** Everything an async iterable gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Those of the keys that are hits. */
export async function hits(cache: Cache, ...keys: string[]): Promise<string[]> {
  return [...(await cache.getMany(keys)).keys()]
}

function show(value: unknown): string {
  return typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value))
}

/** Deep equality of values and types; and of stacks, which equality of errors leaves out. */
export function expectSame(actual: unknown, expected: unknown): void {
  if (expected instanceof Uint8Array) {
    // Compared at once: byte by byte a long one takes the matcher seconds.
    expect(Object.getPrototypeOf(actual)).toBe(Object.getPrototypeOf(expected))
    expect(Buffer.compare(actual as Uint8Array, expected)).toBe(0)
    return
  }
  expect(actual).toStrictEqual(expected)
  if (typeof expected !== 'object' || expected === null) return
  expect(Object.getPrototypeOf(actual)).toBe(Object.getPrototypeOf(expected))
  if (!(expected instanceof Error)) return
  expect((actual as Error).stack).toBe(expected.stack)
  if (expected.cause !== undefined) expectSame((actual as Error).cause, expected.cause)
}
