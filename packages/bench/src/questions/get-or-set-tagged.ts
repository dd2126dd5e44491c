import { entryCount, type Question } from './question.js'
import { fillTagged, tagsOf, withTags } from './tags.js'

/** What do tags cost a read that names them? */
export const getOrSetTagged: Question = {
  name: 'getOrSetTagged',
  title: 'getOrSet that names the two tags, a hit',
  payloads: ['text'],
  contenders: withTags,
  fill: fillTagged,
  ask(contender, { keys }) {
    // `null` is never right: if the loader runs, the call counts as wrong.
    const load = (): null => null
    const { tagged } = contender
    const tags = keys.map(tagsOf)
    if (tagged === undefined) return turn => contender.getOrSet(keys[turn % entryCount] as string, load)
    return turn => {
      const at = turn % entryCount
      return tagged.getOrSet(keys[at] as string, load, tags[at] as string[])
    }
  },
  isRight: answer => answer !== undefined && answer !== null,
}
