export default {
  testMatch: ['<rootDir>/*.spec.js'],
  testTimeout: 30_000,
  // Neither Babel nor a cache: the files run as they are.
  transform: {},
  cache: false,
}
