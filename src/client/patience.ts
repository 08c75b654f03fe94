import { setTimeout as pause } from 'node:timers/promises';
import { LogError } from '../eventlog/index.ts';

/** Told of what failed while no broker answers, attempt after attempt, and then null once one does. */
export type OnWaiting = (error: LogError | null) => void;

const pauseMs = 100;

/** Asks until a broker answers: what another attempt may mend is told to `onWaiting` alone. The client itself spends the time of each attempt. */
export async function patiently<Result>(
  client: { readonly heard: boolean },
  attempt: () => Promise<Result>,
  onWaiting: OnWaiting = () => undefined,
): Promise<Result> {
  for (let isWaiting = false; ; isWaiting = true) {
    try {
      const result = await attempt();
      if (isWaiting) onWaiting(null);
      return result;
    } catch (error) {
      if (!mayPass(error) || !client.heard) throw error;
      onWaiting(error);
      await pause(pauseMs);
    }
  }
}

/** Who is fenced by all brokers stays so until somebody acts. */
const mayPass = (error: unknown): error is LogError =>
  error instanceof LogError && error.retriable && error.code !== 'interrupted' && error.code !== 'fenced';
