/** The instant at which a fake clock starts, in epoch milliseconds: 2026-01-01T00:00:00Z. */
export const FAKE_CLOCK_START = 1_767_225_600_000
