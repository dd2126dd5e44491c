import { describeStore } from '@anycache/conformance'
import { fakeClock } from '@anycache/conformance/testing'
import { MemoryStore } from '@anycache/memory'

const clock = fakeClock()

describeStore('memory', { store: () => new MemoryStore({ clock }), clock })
describeStore('memory bounded by bytes', { store: () => new MemoryStore({ maxBytes: '4mb' }) })
