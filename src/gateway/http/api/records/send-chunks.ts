import type { FastifyReply } from 'fastify';
import { commonHeaders } from '../../error-answer.ts';

/** Stored bytes leave as they are, gathered by the system into one write. */
export function sendChunks(reply: FastifyReply, chunks: readonly (string | Uint8Array)[], headers: Record<string, string>): void {
  let length = 0;
  for (const chunk of chunks) length += typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length;
  reply.hijack();
  const response = reply.raw;
  response.cork();
  response.writeHead(200, { ...commonHeaders, ...headers, 'content-length': length });
  for (const chunk of chunks) response.write(chunk);
  response.end();
  response.uncork();
}
