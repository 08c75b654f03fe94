// In the place of a lab: does what its first word says, and leaves a summary in the folder of -o.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const [what] = process.argv.slice(2);
const folder = process.argv[process.argv.indexOf('-o') + 1] ?? '.';
if (what === 'fail') {
  process.stdout.write('Cannot do it: no reason\n');
  process.exit(3);
}
if (what === 'wait') await new Promise((resolve) => setTimeout(resolve, 60_000));
mkdirSync(folder, { recursive: true });
writeFileSync(path.join(folder, 'graph.svg'), '<svg xmlns="http://www.w3.org/2000/svg"><title>of the fake</title></svg>');
const checks = [{ name: 'holds', expected: '0', got: what === 'bad' ? '1' : '0', ok: what !== 'bad' }];
const results = [{ node: 'all nodes', 'median ms': 0.25, args: process.argv.slice(2).join(' ') }];
writeFileSync(
  path.join(folder, 'summary.json'),
  JSON.stringify({ lab: 'fake', settings: {}, results, checks, graphs: [{ name: 'graph', title: 'Of the fake' }] }),
);
