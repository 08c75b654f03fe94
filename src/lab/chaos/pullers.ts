import path from 'node:path';
import { createInterface } from 'node:readline';
import { Buffer } from 'node:buffer';
import { exitCodes } from '../../base/errors.ts';
import { LogError } from '../../eventlog/index.ts';
import { type Client, clientBytes, patiently } from '../../client/index.ts';
import { forEachRecord } from '../../record/index.ts';
import { packageFolder } from '../../system/package.ts';
import type { Children } from '../rig/index.ts';
import type { Processed, PullersOf } from './pulled-once.ts';

/** How one of them is looked at and ended. */
export interface Pulling {
  readonly subscriber: string;
  /** It dies with what it has processed and not acknowledged; another takes its place. */
  kill(): Promise<void>;
  /** Once it has been given all there is, by its own account. */
  finish(): Promise<void>;
  pullers(): PullersOf;
  /** The worker of this name was killed, and no other process bears it. */
  isGone(worker: string | null): boolean;
}

/** What is processed of one subscriber, by whoever pulls for it. */
class Journal {
  readonly subscriber: string;
  readonly processed: Processed[] = [];
  readonly killed = new Map<number, number>();
  #pullers = 0;

  constructor(subscriber: string) {
    this.subscriber = subscriber;
  }

  die(puller: number): void {
    this.killed.set(puller, this.processed.length);
  }

  /** The number of the next puller. */
  next(): number {
    return ++this.#pullers;
  }
}

const pullMs = 1000;

/** A subscriber that nobody shares: pulls, processes and acknowledges by hand. Killed, it forgets all that it has not acknowledged. */
export class LonePuller implements Pulling {
  readonly subscriber: string;
  readonly #client: Client;
  readonly #journal: Journal;
  readonly #fail: (error: unknown) => void;
  #running: Promise<void>;
  #life: { isKilled: boolean; isEnding: boolean };

  /** @param fail told of what ends it */
  constructor(client: Client, subscriber: string, fail: (error: unknown) => void) {
    this.subscriber = subscriber;
    this.#client = client;
    this.#journal = new Journal(subscriber);
    this.#fail = fail;
    this.#life = { isKilled: false, isEnding: false };
    this.#running = this.#begin();
  }

  #begin(): Promise<void> {
    return this.#run(this.#life, this.#journal.next()).catch(this.#fail);
  }

  async kill(): Promise<void> {
    this.#life.isKilled = true;
    await this.#running;
    this.#life = { isKilled: false, isEnding: false };
    this.#running = this.#begin();
  }

  async finish(): Promise<void> {
    this.#life.isEnding = true;
    await this.#running;
  }

  pullers(): PullersOf {
    return this.#journal;
  }

  isGone(): boolean {
    return false;
  }

  async #run(life: { isKilled: boolean; isEnding: boolean }, puller: number): Promise<void> {
    const { subscriber } = this;
    for (;;) {
      // One that is to end and was given nothing has been given all.
      const isLast = life.isEnding;
      const how = { topics: null, mode: 'explicit', number: null, acknowledge: [], recordsMax: 1000, bytesMax: 1024 * 1024 } as const;
      const { parts } = await patiently(this.#client, () =>
        this.#client.subscriptions.pull({ subscriber, ...how, waitMs: isLast ? 0 : pullMs, freshness: 'linearizable' }),
      );
      for (const { topic, partition, offsetFrom, offsetTo, batches } of parts)
        for (const batch of batches)
          forEachRecord(batch, (record) => {
            if (record.offset < offsetFrom || record.offset >= offsetTo) return;
            const value = clientBytes.utf8Decode(record.value() ?? new Uint8Array(0));
            this.#journal.processed.push({ place: `${topic}/${partition}`, offset: record.offset, puller, value });
          });
      if (life.isKilled) return this.#journal.die(puller);
      const positions = parts.map(({ topic, partition, offsetTo: offset, generation }) => ({ topic, partition, offset, generation }));
      if (positions.length > 0) await patiently(this.#client, () => this.#client.subscriptions.ack({ subscriber, positions }));
      if (isLast && parts.length === 0) return;
    }
  }
}

export interface SharedOptions {
  readonly children: Children;
  readonly subscriber: string;
  readonly servers: readonly string[];
  readonly workers: number;
  readonly sessionSeconds: number;
  readonly fail: (error: unknown) => void;
}

interface WorkerProcess {
  readonly name: string;
  readonly puller: number;
  readonly kill: () => Promise<void>;
}

/** A subscriber that several processes share, each `cairn pull --follow` under a name of its own, which acknowledges what it has written. */
export class SharedPullers implements Pulling {
  readonly subscriber: string;
  readonly #options: SharedOptions;
  readonly #journal: Journal;
  #workers: WorkerProcess[] = [];
  readonly #gone = new Set<string>();
  #names = 0;
  #kills = 0;
  #isEnding = false;

  constructor(options: SharedOptions) {
    this.subscriber = options.subscriber;
    this.#options = options;
    this.#journal = new Journal(options.subscriber);
    for (let i = 0; i < options.workers; i++) this.#start(this.#newName());
  }

  #newName(): string {
    return `worker-${++this.#names}`;
  }

  #start(name: string): void {
    const { children, subscriber, servers, sessionSeconds, fail } = this.#options;
    const puller = this.#journal.next();
    const program = path.join(packageFolder, 'bin', 'cairn.mjs');
    const worker = ['--worker', name, '--session', String(sessionSeconds), '--server', servers.join(',')];
    const args = [program, 'pull', subscriber, '--follow', '--json', ...worker];
    const child = children.start(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said: Buffer[] = [];
    child.stderr?.on('data', (chunk: Buffer) => void (said.length < 50 && said.push(chunk)));
    const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
    lines.on('line', (line) => {
      const { topic, partition, offset, value } = parse(line);
      // What was cut off by its death it has not written.
      if (topic !== null) this.#journal.processed.push({ place: `${topic}/${partition}`, offset, puller, value });
    });
    const closed = new Promise<void>((resolve) => lines.once('close', resolve));
    let isKilled = false;
    let isAny = false;
    lines.once('line', () => (isAny = true));
    void children.exitOf(child).then(({ code, signal }) => {
      if (isKilled || this.#isEnding) return;
      // Brokers may be gone for longer than it takes to join: whoever started it starts it again.
      if (!isAny && (code === exitCodes.unavailable || code === exitCodes.indefinite)) {
        this.#workers = this.#workers.filter((other) => other.puller !== puller);
        return this.#start(name);
      }
      const why = Buffer.concat(said).toString('utf8').slice(-500);
      fail(new LogError('checkFailed', `Cannot go on: ${name} of "${subscriber}" ended with ${String(code ?? signal)}: ${why}`));
    });
    const kill = async (): Promise<void> => {
      isKilled = true;
      this.#journal.die(puller);
      child.kill('SIGKILL');
      await children.exitOf(child);
      // What it had written before is read to its end.
      await closed;
    };
    this.#workers.push({ name, puller, kill });
  }

  /** One after another; every other time the next process bears the same name, so that it is the same worker. */
  async kill(): Promise<void> {
    const [worker, ...others] = this.#workers;
    if (worker === undefined) return;
    this.#workers = others;
    const isBorne = this.#kills++ % 2 === 0;
    if (!isBorne) this.#gone.add(worker.name);
    await worker.kill();
    this.#start(isBorne ? worker.name : this.#newName());
  }

  /** They never end by themselves: whoever calls knows when they have all. */
  async finish(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#workers.map(({ kill }) => kill()));
  }

  pullers(): PullersOf {
    return this.#journal;
  }

  isGone(worker: string | null): boolean {
    return worker !== null && this.#gone.has(worker);
  }
}

interface Line {
  readonly topic: string | null;
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

function parse(line: string): Line {
  try {
    return JSON.parse(line) as Line;
  } catch {
    return { topic: null, partition: 0, offset: 0, value: '' };
  }
}
