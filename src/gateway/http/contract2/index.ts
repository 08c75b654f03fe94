/**
 * The routes of contract 2 (docs/inf3203.md): `PUT /` (`put-record.ts`), what takes back those that were not answered (`revoker.ts`), and the fault
 * switch with its end, `POST /exit` (`log-file.ts`). Which requests are cut off is the front door's business: it knows the connections.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type FaultSwitch, LogError, type BrokerService } from '../../../eventlog/index.ts';
import type { Clock, Logger, Random } from '../../../host/index.ts';
import type { BodiesInFlight } from '../bodies.ts';
import { sendError, sendJson } from '../error-answer.ts';
import type { HttpSettings } from '../settings.ts';
import { collectLogLines, writeLogFile } from './log-file.ts';
import { PutRecord } from './put-record.ts';
import { Revoker } from './revoker.ts';

export interface Contract2Options {
  readonly broker: BrokerService & { readonly faults: FaultSwitch };
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: Pick<HttpSettings, 'bodyBytesMax' | 'putTimeoutMs'>;
  readonly bodies: BodiesInFlight;
  readonly faultInjection: boolean;
  /** File that `POST /exit` writes, or null. */
  readonly logFile: string | null;
  /** `POST /exit` has been answered: end the process. */
  readonly onExit: () => void;
  /** Destroys the connections whose request was read and is not answered yet. */
  readonly cutUnderWay: () => void;
}

export class Contract2 {
  readonly #options: Contract2Options;
  readonly #revoker: Revoker;
  readonly #put: PutRecord;
  #isExiting = false;
  /** When a crash was last ended. */
  #recoveredMs: number | null = null;

  constructor(options: Contract2Options) {
    this.#options = options;
    const { broker, clock, random, settings, bodies } = options;
    const { bodyBytesMax: bytesMax, putTimeoutMs: timeoutMs } = settings;
    this.#revoker = new Revoker(broker, clock);
    this.#put = new PutRecord({ log: broker, clock, random, revoker: this.#revoker, bytesMax, bodies, timeoutMs });
  }

  get revokesPending(): number {
    return this.#revoker.pendingCount;
  }

  /** Calls back once nothing is left to revoke. */
  whenRevoked(run: () => void): void {
    this.#revoker.whenEmpty(run);
  }

  put(request: IncomingMessage, response: ServerResponse): void {
    this.#put.handle(request, response);
  }

  /** Acts as crashed from here on: nothing leaves, connections with a request under way break. */
  crash(): void {
    this.#options.broker.faults.crash();
    this.#recoveredMs = null;
    this.#revoker.hold();
    this.#put.abandonAll();
    this.#options.cutUnderWay();
  }

  recover(): void {
    const { broker, clock } = this.#options;
    if (broker.faults.crashed) this.#recoveredMs = clock.monotonicMs();
    broker.faults.recover();
    this.#revoker.release();
  }

  switchFault(path: string, request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    if (!this.#options.faultInjection) {
      const message = `Cannot ${path.slice(1)}: fault injection is off, start the broker with --fault-injection`;
      sendError(response, new LogError('faultInjectionOff', message));
      return;
    }
    if (path === '/exit') {
      this.#exit(response);
      return;
    }
    if (this.#isExiting) {
      // The course's crash threads go on while it sends /exit: a crash that comes now would cut off that answer, and the process would stay.
      sendJson(response, 200, { crashed: this.#options.broker.faults.crashed });
      return;
    }
    this.#options.logger.log('info', 'fault', { action: path.slice(1) });
    if (path === '/crash') this.crash();
    else this.recover();
    sendJson(response, 200, { crashed: this.#options.broker.faults.crashed });
  }

  /** Writes the log file of contract 2, answers, ends. Works while crashed: the state stays in memory. */
  #exit(response: ServerResponse): void {
    const { logFile, broker, clock, onExit } = this.#options;
    this.#isExiting = true;
    const end = (error: LogError | null): void => {
      // The process ends when the answer has left, or when nobody takes it.
      if (response.closed) {
        onExit();
        return;
      }
      response.setHeader('connection', 'close');
      response.once('close', onExit);
      if (error === null) sendJson(response, 200, { file: logFile });
      else sendError(response, error);
    };
    if (logFile === null) {
      end(null);
      return;
    }
    const backForMs = this.#recoveredMs === null ? null : clock.monotonicMs() - this.#recoveredMs;
    collectLogLines(broker, backForMs, (outcome) => end(outcome.ok ? writeLogFile(logFile, outcome.value) : outcome.error));
  }
}

export function isFaultPath(path: string): boolean {
  return path === '/crash' || path === '/recover' || path === '/exit';
}
