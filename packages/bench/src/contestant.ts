// The process of one contender: opens it, checks its answers, then times it on request.
import { faultsOf } from './check.js'
import type { Contender } from './contender.js'
import { lineup } from './contenders/lineup.js'
import type { Entry, FromContestant, ToContestant } from './heat.js'
import { measure } from './measure.js'
import { payload } from './payloads.js'
import { entryCount, type Setting } from './questions/question.js'
import { questions } from './questions/questions.js'

const entry = JSON.parse(process.argv[2] as string) as Entry
const question = questions.find(({ name }) => name === entry.question)
const open = lineup[entry.backend][entry.contender]
if (question === undefined || open === undefined) throw new Error(`no such entry: ${process.argv[2]}`)

const send = (message: FromContestant): unknown => process.send?.(message)

const contender = await open({ port: entry.port, payload: entry.payload })
const faults = await faultsOf(contender, entry.payload, `check:${entry.contender}:${entry.question}:${entry.payload}`)
const setting = settingOf(entry)
await (question.fill ?? fill)(contender, setting)
const ask = question.ask(contender, setting)
process.on('message', async ({ inFlight, calls }: ToContestant) =>
  send(await measure(ask, question.isRight, inFlight, calls)),
)
process.on('disconnect', async () => {
  await contender.close()
  process.exit()
})
send({ faults })

function settingOf({ contender: name, payload: kind }: Entry): Setting {
  const numbers = Array.from({ length: entryCount }, (_, number) => number)
  // Each contender has its own entries, since it cannot read another's. The name comes last, since Keyv assumes that a key which begins
  // with its namespace (`keyv:`) has been prefixed already, in get and set, but not in getMany.
  return {
    keys: numbers.map(number => `item:${number}:${name}`),
    values: numbers.map(number => payload(kind, number)),
  }
}

async function fill({ set }: Contender, { keys, values }: Setting): Promise<void> {
  for (const [i, key] of keys.entries()) await set(key, values[i])
}
