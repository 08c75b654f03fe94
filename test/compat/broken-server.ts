// A log server that is wrong on purpose: it answers before anything is agreed, and tells the others once, without asking whether they heard. It takes
// the course's arguments and routes, so that the lab can show that its comparer finds such a server out.
//
//     node broken-server.ts <output_id> <host:port> <node1> ... <nodeN>
import { writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';

const [outputId = '', self = '', ...nodes] = process.argv.slice(2);
const port = Number(self.split(':')[1]);
const log: string[] = [];
let isCrashed = false;

createServer((incoming, response) => {
  let body = '';
  incoming.on('data', (chunk: Buffer) => {
    body += chunk.toString('utf8');
  });
  incoming.on('end', () => {
    if (incoming.url === '/exit') {
      writeFileSync(`output/${outputId}-server-127.0.0.1${port}.csv`, log.map((word) => `${word}\n`).join(''));
      response.end(() => process.exit(0));
      return;
    }
    if (incoming.url === '/recover') isCrashed = false;
    else if (incoming.url === '/crash') isCrashed = true;
    else if (isCrashed) {
      incoming.socket.destroy();
      return;
    } else {
      log.push(body);
      if (incoming.url === '/') for (const node of nodes) if (node !== self) tell(node, body);
    }
    response.end();
  });
}).listen(port, '127.0.0.1');

function tell(node: string, word: string): void {
  const sent = request({ host: '127.0.0.1', port: Number(node.split(':')[1]), method: 'PUT', path: '/told', agent: false });
  sent.on('response', (answer) => answer.resume());
  sent.on('error', () => undefined);
  sent.end(word);
}
