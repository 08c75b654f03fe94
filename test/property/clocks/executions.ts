/** Executions of a few processes that send each other messages, made at random, with what happened before what found by following the arrows. */
import * as fc from 'fast-check';

type Step =
  | { readonly kind: 'internal'; readonly process: number }
  | { readonly kind: 'send'; readonly process: number }
  /** `sent` is the index of the step that sent what is received. */
  | { readonly kind: 'receive'; readonly process: number; readonly sent: number };

export interface Execution {
  readonly processCount: number;
  readonly steps: readonly Step[];
}

/** What is received lies in any order and may be received by several processes, or never. */
export const execution: fc.Arbitrary<Execution> = fc.integer({ min: 1, max: 5 }).chain((processCount) =>
  fc
    .array(fc.record({ process: fc.nat(processCount - 1), choice: fc.nat(99), pick: fc.nat(1_000_000) }), { minLength: 1, maxLength: 40 })
    .map((raw) => {
      const steps: Step[] = [];
      for (const { process, choice, pick } of raw) {
        const sends = steps.flatMap((step, index) => (step.kind === 'send' && step.process !== process ? [index] : []));
        if (choice < 25) steps.push({ kind: 'internal', process });
        else if (choice < 60 || sends.length === 0) steps.push({ kind: 'send', process });
        else steps.push({ kind: 'receive', process, sent: sends[pick % sends.length] as number });
      }
      return { processCount, steps };
    }),
);

/** `before[f]` holds e if and only if step e happened before step f: Lamport's definition, followed step by step. */
export function happenedBefore({ steps }: Execution): readonly ReadonlySet<number>[] {
  const before: Set<number>[] = [];
  const last = new Map<number, number>();
  for (const [index, step] of steps.entries()) {
    const causes = [last.get(step.process), step.kind === 'receive' ? step.sent : undefined].filter((cause) => cause !== undefined);
    before.push(new Set(causes.flatMap((cause) => [cause, ...(before[cause] as Set<number>)])));
    last.set(step.process, index);
  }
  return before;
}
