import { readMetadata } from '@anycache/serializer'
import type { Trial } from '../trial.js'

/** What is noted of the entry. */
export async function metadataOf(trial: Trial, key = 'k'): Promise<ReturnType<typeof readMetadata> | undefined> {
  const item = await trial.raw.get(key)
  return item?.metadata && readMetadata(item.metadata)
}

/** The tags of the entry. */
export async function namesOf(trial: Trial, key = 'k'): Promise<string[]> {
  return [...((await metadataOf(trial, key))?.tags?.keys() ?? [])]
}
