/**
 * A plain node (contract 1): its name, then standard input, to a logger. What it sends is not acknowledged: `agent.ts` has the node that keeps a spool.
 */
import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { formatHostPort } from '../../base/host-port.ts';
import { LogError } from '../../eventlog/log-error.ts';

export interface NodeOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly input: Readable;
}

const newline = 0x0a;

/** Resolves when the input is at its end and the logger has taken everything; rejects when it could not be reached, or was lost. */
export function runNode({ name, host, port, input }: NodeOptions): Promise<void> {
  const where = formatHostPort({ host, port });
  return new Promise((resolve, reject) => {
    let isConnected = false;
    let lastByte = newline;
    let isEnding = false;
    const socket = connect({ host, port, noDelay: true, keepAlive: true }, () => {
      isConnected = true;
      socket.write(`${name}\n`);
      send();
    });
    const send = (): void => {
      input.on('data', (chunk: Buffer) => {
        lastByte = chunk.at(-1) ?? lastByte;
        if (!socket.write(chunk)) waitForDrain(socket, input);
      });
      input.on('end', () => {
        isEnding = true;
        // A last line without its \n is a line.
        if (lastByte === newline) socket.end();
        else socket.end('\n');
      });
      input.on('error', (error) => {
        fail(new LogError('invalidRequest', `Cannot read standard input: ${error.message}`, {}, { cause: error }));
      });
    };
    const fail = (error: LogError): void => {
      input.destroy();
      socket.destroy();
      reject(error);
    };
    // A logger says nothing to a plain node, but what is not read would keep the connection from ending.
    socket.resume();
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!isConnected)
        fail(new LogError('loggerUnreachable', `Cannot reach the logger at ${where}: ${inWords(error)}`, {}, { cause: error }));
      else fail(new LogError('connectionLost', `Lost the logger at ${where}: ${inWords(error)}; what was under way may not have arrived`));
    });
    socket.on('close', () => {
      if (isEnding && socket.bytesWritten > 0) resolve();
      else
        fail(
          new LogError('connectionLost', `Lost the logger at ${where}: it closed the connection; what was under way may not have arrived`),
        );
    });
  });
}

function waitForDrain(socket: Socket, input: Readable): void {
  input.pause();
  socket.once('drain', () => input.resume());
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'that name is not known',
  EAI_AGAIN: 'that name cannot be looked up now',
  EHOSTUNREACH: 'there is no way to that machine',
  ENETUNREACH: 'there is no way to that network',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
};

/** What the machine says of a connection, in words. */
export function inWords(error: NodeJS.ErrnoException): string {
  return words[error.code ?? ''] ?? error.message;
}
