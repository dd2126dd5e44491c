import { describeCache } from '@anycache/conformance'
import { fakeClock } from '@anycache/conformance/testing'
import { MemoryStore } from '@anycache/memory'

const clock = fakeClock()

describeCache('memory', { store: () => new MemoryStore({ clock }), clock })

// On real time, as applications have it, and with a limit of the store's own.
describeCache('memory bounded by bytes', { store: () => new MemoryStore({ maxBytes: '4mb' }) })
