/**
 * Sequential code over callbacks, without promises: the simulator stays a plain loop and can stop a task between any two host calls.
 *
 *     runTask(function* () {
 *       const file = yield* wait<Result<DiskFile, DiskError>>((done) => disk.open(path, 'read', done));
 *       ...
 *       return value;
 *     }, done);
 *
 * A task resumes inside the callback it waited for. A callback that never comes leaves the task suspended, as a crash would.
 */
export type Task<Value> = Generator<Suspension, Value, unknown>;
type Suspension = (resume: (value: unknown) => void) => void;

/** Waits for one callback and gives its argument. */
export function* wait<Value>(start: (done: (value: Value) => void) => void): Task<Value> {
  return (yield start as Suspension) as Value;
}

/** Runs a task to its end and hands its return value to `done`. Exceptions of the task surface from the callback that resumed it. */
export function runTask<Value>(body: () => Task<Value>, done: (value: Value) => void): void {
  const task = body();
  const resume = (first: unknown): void => {
    let input = first;
    // A loop instead of recursion: thousands of calls that complete at once must not grow the stack.
    for (;;) {
      const step = task.next(input);
      if (step.done) {
        done(step.value);
        return;
      }
      let inside = true;
      let arrived = false;
      let value: unknown;
      step.value((result) => {
        if (inside) {
          arrived = true;
          value = result;
        } else {
          resume(result);
        }
      });
      inside = false;
      if (!arrived) return;
      input = value;
    }
  };
  resume(undefined);
}

/** Runs tasks side by side, at most `atOnce` of them at a time, and gives what each returned, in their order. */
export function* sideBySide<Value>(bodies: readonly (() => Task<Value>)[], atOnce: number): Task<Value[]> {
  const results: Value[] = [];
  if (bodies.length === 0) return results;
  yield* wait<void>((done) => {
    let begun = 0;
    let ended = 0;
    const next = (): void => {
      const index = begun++;
      const body = bodies[index];
      if (body === undefined) return;
      runTask(body, (value) => {
        results[index] = value;
        if (++ended === bodies.length) done();
        else next();
      });
    };
    for (let i = 0; i < Math.min(atOnce, bodies.length); i++) next();
  });
  return results;
}
