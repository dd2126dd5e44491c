// A program without a test runner, on the built packages: `program.js LIBRARY [URL SERVER_PID]`. It must exit by itself.
import { mock } from 'node:test'
import FakeTimers from '@sinonjs/fake-timers'
import { createCache } from 'anycache'
import { everywhere, withServer } from './cases.js'
import { signals } from './server.js'

const [library, url = '', pid] = process.argv.slice(2)

const libraries = {
  // Everything: by default sinon fakes `process.nextTick` and `queueMicrotask` too.
  sinon() {
    const clock = FakeTimers.install()
    return () => clock.uninstall()
  },
  node() {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] })
    return () => mock.timers.reset()
  },
}
const install = libraries[library]

let namespaces = 0
for (const [title, run] of Object.entries({ ...everywhere, ...(pid && withServer) })) {
  await run({
    url: url && `${url}?namespace=${library}${++namespaces}`,
    install,
    ...signals(Number(pid)),
  })
  console.log(title)
}

// Left open, with fakes that were installed during a call.
const cache = await createCache(url || 'memory://')
const call = cache.set('key', 'value')
const restore = install()
await call
await cache.get('key')
restore()
console.log('done')
