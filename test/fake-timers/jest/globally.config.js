import config from './jest.config.js'

/** Fakes that are installed before a test file is loaded. */
export default { ...config, fakeTimers: { enableGlobally: true }, setupFiles: ['anycache'] }
