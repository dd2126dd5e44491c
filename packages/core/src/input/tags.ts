import { InvalidArgumentError } from '../errors.js'
import { isIterable } from './keys.js'
import { shown } from './shown.js'

/** The distinct tags, in order. Throws `InvalidArgumentError` for what is not a tag: a non-empty, well-formed string, as a key is. */
export function tagsOf(tags: unknown, op: string, key?: string): readonly string[] {
  if (typeof tags === 'string') return [checked(tags, op, key)]
  if (!isIterable(tags)) {
    throw new InvalidArgumentError(`tags must be a string or an array of strings, got ${shown(tags)}`, { op, key })
  }
  const distinct = new Set<string>()
  for (const tag of tags) distinct.add(checked(tag, op, key))
  return [...distinct]
}

function checked(tag: unknown, op: string, key: string | undefined): string {
  if (typeof tag === 'string' && tag !== '' && tag.isWellFormed()) return tag
  throw new InvalidArgumentError(`a tag must be a non-empty, well-formed string, got ${shown(tag)}`, { op, key })
}
