import { defineConfig } from 'vitest/config'

/** For the blocks of the pages that are test suites. Each is run by itself, as a user would run it. */
export default defineConfig({
  test: { include: ['**/*.suite.js'], testTimeout: 20_000 },
})
