import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const packages = fileURLToPath(new URL('packages', import.meta.url))

export default defineConfig({
  resolve: {
    // Tests run the sources: no build stands between an edit and its test, and stack traces name the line as written.
    alias: [
      { find: /^@anycache\/conformance\/testing$/, replacement: `${packages}/conformance/src/testing.ts` },
      { find: /^@anycache\/redis\/ioredis-parameters$/, replacement: `${packages}/redis/src/ioredis-parameters.ts` },
      { find: /^@anycache\/memcached\/address$/, replacement: `${packages}/memcached/src/address.ts` },
      { find: /^@anycache\/testing\/([a-z-]+)$/, replacement: `${packages}/testing/src/$1.ts` },
      { find: /^@anycache\/([a-z]+)$/, replacement: `${packages}/$1/src/index.ts` },
      { find: /^anycache$/, replacement: `${packages}/anycache/src/index.ts` },
    ],
  },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
    // Processes, not threads: a test file's servers must die with it, and signals and exit handlers are per process.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    coverage: { provider: 'v8', include: ['packages/*/src/**'], exclude: ['packages/bench/**'] },
  },
})
