import { type IncomingMessage, request } from 'node:http';
import { localAddress } from '../../system/network.ts';
import type { CourseWorld, FaultAction, PutOutcome } from './client.ts';

const PUT_TIMEOUT_MS = 5000;
/** The course's client waits for ever. After so long a lab says that it would. */
const POST_TIMEOUT_MS = 60_000;
/** What a lab asks must not take the ports of servers that start meanwhile. */
const SOURCE = localAddress('127.0.0.1');

export interface HttpWorld extends CourseWorld {
  /** Ends the pauses that are under way, for good: who waits in one never goes on. */
  close(): void;
}

/** Real servers over HTTP, each request on a connection of its own, with the headers that the course's client sends. */
export function httpWorld(ports: readonly number[]): HttpWorld {
  const startedMs = performance.now();
  const pauses = new Set<NodeJS.Timeout>();
  return {
    close: () => {
      for (const timer of pauses) clearTimeout(timer);
    },
    nowMs: () => performance.now() - startedMs,
    sleep: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => {
          pauses.delete(timer);
          resolve();
        }, ms);
        pauses.add(timer);
      }),
    put: (server, word) => send(ports[server] ?? 0, 'PUT', '/', word, PUT_TIMEOUT_MS),
    post: async (server, action: FaultAction) => (await send(ports[server] ?? 0, 'POST', `/${action}`, '', POST_TIMEOUT_MS)) === 'answered',
  };
}

/** Any status is an answer. */
function send(port: number, method: string, path: string, body: string, timeoutMs: number): Promise<PutOutcome> {
  return new Promise((resolve) => {
    const bytes = Buffer.from(body, 'utf8');
    const headers = { 'Content-Length': bytes.length };
    const sent = request({ host: 'localhost', port, method, path, agent: false, headers, family: 4, ...SOURCE });
    const timer = setTimeout(() => sent.destroy(), timeoutMs);
    let outcome: PutOutcome = 'unanswered';
    sent.on('response', (response: IncomingMessage) => {
      outcome = 'answered';
      response.resume();
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') outcome = 'refused';
    });
    sent.on('close', () => {
      clearTimeout(timer);
      resolve(outcome);
    });
    sent.end(bytes);
  });
}

/** The whole body of an answer with status 200, else null. */
export function getText(port: number, path: string, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, path, agent: false, family: 4, ...SOURCE });
    const timer = setTimeout(() => sent.destroy(), timeoutMs);
    let text = '';
    let isWhole = false;
    sent.on('response', (response: IncomingMessage) => {
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        isWhole = response.statusCode === 200;
      });
    });
    sent.on('error', () => undefined);
    sent.on('close', () => {
      clearTimeout(timer);
      resolve(isWhole ? text : null);
    });
    sent.end();
  });
}
