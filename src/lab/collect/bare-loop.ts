/**
 * The least that a collector in Node can do, for comparison: finds newlines in what it reads, counts lines, appends whole reads to a file. Run as a
 * process of its own: `node bare-loop.ts PORT FILE`; says `ready`, and the count of lines when it is told to end.
 */
import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';

const [port = '0', file = ''] = process.argv.slice(2);
const output = openSync(file, 'w');
let lines = 0;
const server = createServer((socket) => {
  socket.on('data', (chunk: Buffer) => {
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, end + 1)) lines++;
    writeSync(output, chunk);
  });
  socket.on('error', () => undefined);
});
server.listen(Number(port), '127.0.0.1', () => process.stdout.write('ready\n'));
process.on('SIGTERM', () => process.stdout.write(`${lines}\n`, () => process.exit(0)));
