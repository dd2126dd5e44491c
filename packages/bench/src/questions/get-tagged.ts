import { entryCount, type Question } from './question.js'
import { fillTagged, withTags } from './tags.js'

/** What do tags cost a read that does not know them? */
export const getTagged: Question = {
  name: 'getTagged',
  title: 'get of an entry with two tags, a hit',
  payloads: ['text'],
  contenders: withTags,
  fill: fillTagged,
  ask:
    (contender, { keys }) =>
    turn =>
      contender.get(keys[turn % entryCount] as string),
  isRight: answer => answer !== undefined && answer !== null,
}
