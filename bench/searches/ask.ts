import { askPiped, type Looked, requestFor } from '../../src/lab/grep/ask.ts';
import type { Children } from '../../src/lab/rig/index.ts';
import { wholeTopic } from '../../src/query/index.ts';
import type { PartReport } from '../../src/search/ask/index.ts';

export interface Answered {
  readonly ms: number;
  readonly part: PartReport;
}

/** Asks one broker for a topic; fails where the answer is not whole. */
export async function askTopic(
  children: Children,
  url: string,
  topic: string,
  looked: Looked,
  { index = true, signal }: { readonly index?: boolean; readonly signal?: AbortSignal } = {},
): Promise<Answered> {
  const request = { ...requestFor(wholeTopic(topic), looked), index };
  const { ms, report } = await askPiped(children, [{ name: null, origin: url }], request, signal);
  const [machine] = report.machines;
  const [part] = machine?.parts ?? [];
  if (part === undefined || !report.isComplete)
    throw new Error(`A search was not answered wholly: ${machine?.problem ?? 'without a part'}`);
  return { ms, part };
}
