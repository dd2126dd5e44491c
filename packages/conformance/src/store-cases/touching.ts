import { expect } from 'vitest'
import type { StoreCapability } from '../case.js'
import { expectItem, markedItems } from '../sample-items.js'

const forever = Number.POSITIVE_INFINITY

export const touching: StoreCapability = {
  name: 'touch',
  cases: [
    {
      title: 'answers touched or missing, and leaves the item as it was',
      async run(trial) {
        expect(await trial.touch('k', 60_000)).toBe('missing')
        for (const item of [
          { flags: 0, data: 'text' },
          { flags: 64, data: Buffer.from([0xc1, 0, 1]) },
          { flags: 2 ** 14, data: 'unreadable' },
        ]) {
          await trial.put('k', item)
          expect(await trial.touch('k', 60_000)).toBe('touched')
          expect(await trial.touch('k', forever)).toBe('touched')
          expectItem(await trial.get('k'), item)
        }
        await trial.remove('k')
        expect(await trial.touch('k', 60_000)).toBe('missing')
      },
    },
    {
      title: 'answers has-metadata for an entry with metadata, which stays there',
      async run(trial) {
        for (const item of Object.values(markedItems)) {
          const written = item()
          await trial.put('k', written, 60_000)
          expect(await trial.touch('k', 60_000)).toBe('has-metadata')
          expect(await trial.touch('k', forever)).toBe('has-metadata')
          expectItem(await trial.get('k'), written)
        }
      },
    },
    {
      title: 'gives the entry another life, longer, shorter or endless',
      waits: true,
      async run(trial) {
        const [short, long] = [3000, 600_000]
        for (const key of ['longer', 'endless', 'untouched']) await trial.put(key, 'v', short)
        for (const key of ['shorter', 'from long to endless']) await trial.put(key, 'v', long)
        await trial.put('bounded', 'v')
        const answers = await Promise.all([
          trial.touch('longer', long),
          trial.touch('endless', forever),
          trial.touch('shorter', short),
          trial.touch('from long to endless', forever),
          trial.touch('bounded', short),
        ])
        expect(answers).toEqual(new Array(5).fill('touched'))
        await trial.expire(short)
        expect((await trial.getMany(['longer', 'endless', 'from long to endless'])).map(Boolean)).toEqual([
          true,
          true,
          true,
        ])
        expect(await trial.getMany(['untouched', 'shorter', 'bounded'])).toEqual([undefined, undefined, undefined])
        expect(await trial.touch('untouched', long)).toBe('missing')
      },
    },
  ],
}
