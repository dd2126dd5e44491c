import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Contestant } from './heat.js'
import { type Part, programOf } from './program.js'
import { pageFile, pageOf } from './report.js'
import { type Pace, race, type Score } from './rounds.js'
import { Servers } from './servers.js'
import { tableOf } from './table.js'

const { values: flags } = parseArgs({
  options: {
    // Words separated by commas: see program.ts.
    only: { type: 'string', default: '' },
    // A contender; each of its processes writes a CPU profile to packages/bench.
    profile: { type: 'string' },
    quick: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
})
if (flags.save && (flags.only !== '' || flags.quick)) throw new Error('--save writes the whole page, at full length')

const pace: Pace = flags.quick ? { rounds: 3, runMs: 60, warmUpMs: 250 } : { rounds: 7, runMs: 150, warmUpMs: 500 }
const program = programOf(flags.only.split(',').filter(word => word !== ''))
const tables: string[] = []
await using servers = new Servers()
for (const part of program) {
  const table = await run(part, await servers.portOf(part.backend))
  console.log(table)
  tables.push(table)
}
if (flags.save) writeFileSync(pageFile(), pageOf(tables, { servers: servers.versions, pace, date: new Date() }))

async function run({ backend, question, payload, inFlight, contenders, heading }: Part, port: number): Promise<string> {
  const contestants: Contestant[] = []
  try {
    for (const contender of contenders) {
      const isProfiled = contender === flags.profile
      contestants.push(
        await Contestant.enter({ backend, contender, question: question.name, payload, port, isProfiled }),
      )
    }
    const columns: Score[][] = []
    for (const count of inFlight) columns.push(await race(contestants, count, pace))
    const rows = contestants.map(({ name }, row) => ({
      contender: name,
      scores: columns.map(column => column[row] as Score),
    }))
    return tableOf({ heading, inFlight, rows })
  } finally {
    await Promise.all(contestants.map(contestant => contestant.leave()))
  }
}
