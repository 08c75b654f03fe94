/** The few requests that tests of whole processes make. */

/** Ends what hangs; a machine that is busy makes them slow. */
const hangsMs = 150_000;

export async function putText(url: string, text: string): Promise<number> {
  const answer = await fetch(`${url}/`, { method: 'PUT', body: text, signal: AbortSignal.timeout(hangsMs) });
  return ((await answer.json()) as { offset: number }).offset;
}

export async function readText(url: string, topic = 'log'): Promise<string[]> {
  const answer = await fetch(`${url}/v1/topics/${topic}/records?format=text&max=100000`, { signal: AbortSignal.timeout(hangsMs) });
  const text = await answer.text();
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

interface Status {
  readonly id: number;
  readonly partitions: readonly { readonly topic: string; readonly leader: number | null }[];
  readonly peers: readonly { readonly id: number; readonly connected: boolean }[];
}

export async function statusOf(url: string): Promise<Status> {
  return (await (await fetch(`${url}/v1/status`, { signal: AbortSignal.timeout(hangsMs) })).json()) as never;
}

/** Repeats until it does not throw. */
export async function eventually<Value>(attempt: () => Promise<Value>, withinMs = hangsMs): Promise<Value> {
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
