import { describeCache } from '@anycache/conformance'
import { fakeClock } from '@anycache/conformance/testing'
import { MemoryStore } from '@anycache/memory'

const clock = fakeClock()

describeCache('memory', { store: () => new MemoryStore({ clock }), clock })
