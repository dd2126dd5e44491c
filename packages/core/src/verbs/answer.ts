import type { Answer } from '../store.js'

/** Passes on what `run` gives, at once or when it settles, or why it failed. What the two throw is the caller's. */
export function whenAnswered<T, R>(
  run: () => Answer<T>,
  done: (value: T) => R,
  failed: (error: unknown) => R,
): Answer<R> {
  let answer: Answer<T>
  try {
    answer = run()
  } catch (error) {
    return failed(error)
  }
  return answer instanceof Promise ? answer.then(done, failed) : done(answer)
}
