import type { Encoded, Serializer } from '@anycache/serializer'
import { InvalidArgumentError, SerializationError } from '../errors.js'

/** What the serializer makes of a value. Throws or rejects with the caller's error. */
export function encoded(serializer: Serializer, op: string, key: string, value: unknown): Encoded | Promise<Encoded> {
  if (value === undefined) {
    const message = 'undefined means a miss and cannot be stored; store null, or delete the key'
    throw new InvalidArgumentError(message, { op, key })
  }
  try {
    const answer = serializer.encode(value)
    return answer instanceof Promise ? answer.catch(error => Promise.reject(notEncoded(error, op, key))) : answer
  } catch (error) {
    throw notEncoded(error, op, key)
  }
}

function notEncoded(error: unknown, op: string, key: string): SerializationError {
  const message = error instanceof Error ? error.message : String(error)
  return new SerializationError(message, { op, key, cause: error })
}
