import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { findCircles } from './circles.ts';
import { checkFile, FOLDERS, missingPlaces, ROOMS } from './floors.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');

const SOURCES: ReadonlyMap<string, string> = new Map(
  readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [`src/${file.split(path.sep).join('/')}`, readFileSync(path.join(ROOT, 'src', file), 'utf8')]),
);

/** The messages for one file in memory, without place. */
function problems(file: string, text: string): string[] {
  return checkFile(file, text).map((violation) => violation.message);
}

describe('the sources', () => {
  test('keep to the floors', () => {
    const violations = [...SOURCES].flatMap(([file, text]) => checkFile(file, text));

    expect(violations.map(({ file, line, message }) => `${file}:${line} ${message}`)).toEqual([]);
  });

  test('have every folder in the table, and every folder of the table', () => {
    const folders = new Set([...SOURCES.keys()].map((file) => String(file.split('/')[1])));

    expect(folders).toEqual(new Set(Object.keys(FOLDERS)));
  });

  test('have every place that the rules name', () => {
    expect(missingPlaces([...SOURCES.keys()])).toEqual([]);
  });

  test('have no circle of files', () => {
    expect(findCircles(SOURCES).map((circle) => circle.join(' -> '))).toEqual([]);
  });

  test('have a tsconfig.pure.json that covers exactly the folders P and H', () => {
    const text = readFileSync(path.join(ROOT, 'tsconfig.pure.json'), 'utf8');
    const covered = [...text.matchAll(/"src\/(\w+)"/g)].map((match) => String(match[1]));

    const pure = Object.keys(FOLDERS).filter((name) => FOLDERS[name]?.kind !== 'IO');
    expect(covered.toSorted()).toEqual(pure.toSorted());
  });

  test('are described by the table in docs/ARCHITECTURE.md', () => {
    const text = readFileSync(path.join(ROOT, 'docs', 'ARCHITECTURE.md'), 'utf8');
    const rows = [...text.matchAll(/^\| (\d) \| (P|H|IO) \| `(\w+)\/` \|/gm)].map(([, floor, kind, name]) => `${floor} ${kind} ${name}`);

    expect(rows).toEqual(Object.entries(FOLDERS).map(([name, { floor, kind }]) => `${floor} ${kind} ${name}`));
  });
});

describe('an import is refused when', () => {
  test.each([
    [
      'it goes up a floor',
      'src/storage/log.ts',
      `import { Broker } from '../broker/broker.ts';`,
      'imports broker/ (floor 3) from storage/ (floor 2)',
    ],
    [
      'it is of types only',
      'src/base/bytes.ts',
      `import type { Entry } from '../raft/types.ts';`,
      'imports raft/ (floor 1) from base/ (floor 0)',
    ],
    ['it is an export', 'src/base/bytes.ts', `export * from '../raft/types.ts';`, 'imports raft/ (floor 1) from base/ (floor 0)'],
    [
      'it is an import type',
      'src/base/bytes.ts',
      `let a: import('../raft/types.ts').Entry;`,
      'imports raft/ (floor 1) from base/ (floor 0)',
    ],
    ['it is dynamic', 'src/gateway/http/page.ts', `void import('../../cli/main.ts');`, 'imports cli/ (floor 7) from gateway/ (floor 5)'],
    [
      'it goes to an unlisted neighbour',
      'src/raft/step.ts',
      `import { encode } from '../record/batch.ts';`,
      'imports record/ from raft/, both on floor 1',
    ],
    ['host/ names its users', 'src/host/disk.ts', `import { Step } from '../raft/step.ts';`, 'imports raft/ from host/, both on floor 1'],
    [
      'a gateway names system/',
      'src/gateway/http/a.ts',
      `import { disk } from '../../system/disk.ts';`,
      'imports system/, which only daemon/, lab/, cli/, search/topics/worker.ts may',
    ],
    [
      'a command other than sim names sim/',
      'src/cli/up.ts',
      `import { run } from '../sim/run.ts';`,
      'imports sim/, which only cli/sim.ts, lab/ may',
    ],
    [
      'it leaves src/',
      'src/cli/up.ts',
      `import { launch } from '../../bin/launch.mjs';`,
      'imports "../../bin/launch.mjs", which is outside src/',
    ],
    [
      'the target is unknown',
      'src/cli/up.ts',
      `import { a } from '../utils/a.ts';`,
      'imports "../utils/a.ts": utils is not in the table of floors',
    ],
    ['it is computed', 'src/cli/up.ts', 'void import(name);', 'imports a module whose name is not a plain string'],
    [
      'it is a module of Node in P',
      'src/raft/step.ts',
      `import fs from 'node:fs';`,
      `imports "node:fs": P folders import neither Node's modules nor packages`,
    ],
    [
      'it passes the door of a room',
      'src/broker/loop.ts',
      `import { openGroupLog } from '../storage/group-log.ts';`,
      'imports storage/group-log.ts, past the door of storage/',
    ],
    [
      'it passes the door of a room for a type',
      'src/sim/world.ts',
      `import type { GroupLog } from '../storage/contract.ts';`,
      'imports storage/contract.ts, past the door of storage/',
    ],
    [
      'it passes the door of the room beside',
      'src/broker/edge/reads.ts',
      `export { Links } from '../peers/links.ts';`,
      'imports broker/peers/links.ts, past the door of broker/peers/',
    ],
    [
      'it passes the outer door, to the door of a room within',
      'src/sim/world.ts',
      `import { Links } from '../broker/peers/index.ts';`,
      'imports broker/peers/index.ts, past the door of broker/',
    ],
    [
      'a gateway names another',
      'src/gateway/http/routes.ts',
      `import { LineGateway } from '../lines/index.ts';`,
      'imports gateway/lines/ from gateway/http/',
    ],
    [
      'it is a package in H',
      'src/broker/loop.ts',
      `import pino from 'pino';`,
      `imports "pino": H folders import neither Node's modules nor packages`,
    ],
  ])('%s', (_title, file, text, message) => {
    expect(problems(file, text)).toEqual([message]);
  });
});

describe('an import is allowed when', () => {
  test.each([
    ['it goes down', 'src/broker/loop.ts', `import { step } from '../raft/index.ts';`],
    ['it stays in the folder', 'src/cli/labs/chaos.ts', `import { a } from '../a.ts'; import { b } from './b.ts';`],
    ['the neighbour is listed', 'src/wire/frame.ts', `import { a } from '../raft/index.ts'; import { b } from '../record/index.ts';`],
    ['it stays in the room', 'src/broker/edge/reads.ts', `import { a } from './appends.ts'; import { b } from '../calls.ts';`],
    [
      'it enters by the door',
      'src/broker/edge/reads.ts',
      `import { a } from '../peers/index.ts'; import { b } from '../../storage/index.ts';`,
    ],
    ['it enters by another door of the room', 'src/agent/spool.ts', `import { a } from '../storage/steps.ts';`],
    ['it leaves a room for what is around it', 'src/broker/peers/links.ts', `import { a } from '../contract.ts';`],
    ['IO uses Node and packages', 'src/system/disk.ts', `import fs from 'node:fs'; import pino from 'pino';`],
    ['the command sim names sim/', 'src/cli/sim.ts', `import { run } from '../sim/run.ts';`],
    ['the daemon names system/', 'src/daemon/wire.ts', `import { disk } from '../system/disk.ts';`],
  ])('%s', (_title, file, text) => {
    expect(problems(file, text)).toEqual([]);
  });
});

describe('a circle of files is found when', () => {
  const circlesOf = (files: Record<string, string>): string[][] => findCircles(new Map(Object.entries(files)));

  test.each([
    ['two import each other', { 'src/a.ts': `import { b } from './b.ts';`, 'src/b.ts': `import { a } from './a.ts';` }],
    ['they are imports of types', { 'src/a.ts': `import type { B } from './b.ts';`, 'src/b.ts': `let a: import('./a.ts').A;` }],
    ['one of them only passes names on', { 'src/a.ts': `export * from './b.ts';`, 'src/b.ts': `import './a.ts';` }],
    ['one import is made later', { 'src/a.ts': `import { b } from './b.ts';`, 'src/b.ts': `void import('./a.ts');` }],
  ])('%s', (_title, files) => {
    expect(circlesOf(files)).toEqual([['src/a.ts', 'src/b.ts', 'src/a.ts']]);
  });

  test('it goes through other folders', () => {
    const files = { 'src/a/x.ts': `import '../b/y.ts';`, 'src/b/y.ts': `import './z.ts';`, 'src/b/z.ts': `import '../a/x.ts';` };

    expect(circlesOf(files)).toEqual([['src/a/x.ts', 'src/b/y.ts', 'src/b/z.ts', 'src/a/x.ts']]);
  });

  test('a file imports itself', () => {
    expect(circlesOf({ 'src/a.ts': `import { a } from './a.ts';` })).toEqual([['src/a.ts', 'src/a.ts']]);
  });

  test('there are several: one is told of each knot', () => {
    const knot = { 'src/a.ts': `import './b.ts';`, 'src/b.ts': `import './a.ts'; import './c.ts';`, 'src/c.ts': `import './b.ts';` };
    const other = { 'src/d.ts': `import './a.ts'; import './e.ts';`, 'src/e.ts': `import './d.ts';` };

    expect(circlesOf({ ...knot, ...other })).toEqual([
      ['src/a.ts', 'src/b.ts', 'src/a.ts'],
      ['src/d.ts', 'src/e.ts', 'src/d.ts'],
    ]);
  });

  test('and not where two only import the same', () => {
    const files = { 'src/a.ts': `import './b.ts'; import './c.ts';`, 'src/b.ts': `import './c.ts';`, 'src/c.ts': `import './missing.ts';` };

    expect(circlesOf(files)).toEqual([]);
  });
});

describe('a place that the rules name is missing when', () => {
  const sources = [...SOURCES.keys()];

  test.each(Object.keys(ROOMS))('the room %s has moved', (room) => {
    const left = sources.filter((file) => !file.startsWith(`src/${room}/`));

    expect(missingPlaces(left)).toContain(`${room}/index.ts`);
  });

  test('a room has no door', () => {
    expect(missingPlaces(sources.filter((file) => file !== 'src/raft/index.ts'))).toEqual(['raft/index.ts']);
  });

  test('a file that may import has gone', () => {
    expect(missingPlaces(sources.filter((file) => file !== 'src/cli/sim.ts'))).toEqual(['cli/sim.ts']);
  });

  test('there are no gateways', () => {
    expect(missingPlaces(sources.filter((file) => !file.startsWith('src/gateway/')))).toContain('gateway/');
  });
});

describe('a pure folder is refused', () => {
  test.each([
    ['the time', 'const now = Date.now();', ['uses Date']],
    ['the time as a type', 'let at: Date;', ['uses Date']],
    ['global randomness', 'const r = Math.random();', ['uses Math.random']],
    ['global randomness taken apart', 'const { random } = Math;', ['uses Math other than as Math.member']],
    ['global randomness by key', `const r = Math['random']();`, ['uses Math other than as Math.member']],
    ['the language of the machine', 'const text = new Intl.NumberFormat().format(1);', ['uses Intl']],
    ['the order of the language', 'names.sort((a, b) => a.localeCompare(b));', ['uses localeCompare']],
    ['promises', 'const done: Promise<void> = Promise.resolve();', ['uses Promise', 'uses Promise']],
    ['async and await', 'async function f() { await g(); }', ['uses async', 'uses await']],
    ['for await', 'for await (const a of b) use(a);', ['uses for await']],
    ['timers', 'setTimeout(f, 1);', ['uses setTimeout']],
    ['the process', 'process.exit(1);', ['uses process']],
    ['a declared process', 'declare const process: { exit(): void }; process.exit();', ['uses process']],
    ['Buffer', 'Buffer.alloc(1);', ['uses Buffer']],
    ['waiting on atomics', 'Atomics.wait(a, 0, 0);', ['uses Atomics.wait']],
    ['the garbage collector', 'new WeakRef(a);', ['uses WeakRef']],
    ['the global object', 'globalThis.setTimeout(f, 1);', ['uses globalThis']],
    ['in shorthand', 'use({ process });', ['uses process']],
    ['import.meta', 'use(import.meta.url);', ['uses import.meta']],
  ])('%s', (_title, text, messages) => {
    expect(problems('src/raft/step.ts', text)).toEqual(messages);
    expect(problems('src/broker/loop.ts', text)).toEqual(messages);
  });

  test('the line is that of the use', () => {
    expect(checkFile('src/raft/step.ts', 'const a = 1;\n\nconst b = Date.now();')).toEqual([
      { file: 'src/raft/step.ts', line: 3, message: 'uses Date' },
    ]);
  });

  test('a folder that is not in the table', () => {
    expect(problems('src/utils/a.ts', '')).toEqual(['folder utils/ is not in the table of floors']);
    expect(problems('src/index.ts', '')).toEqual(['a file beside the folders is not in the table of floors']);
  });
});

describe('a pure folder may', () => {
  test.each([
    ['speak of it in comments', '// Date.now() and process.exit()\n/** {@link Promise} and Buffer */\nconst a = 1;'],
    ['speak of it in strings', `const a = 'Date.now()', b = "process", c = \`await \${a} Promise\`;`],
    [
      'have properties of those names',
      'const a = { process: 1, Date: 2 }; use(a.process, a.Date); interface A { Promise: number; fetch(): void }',
    ],
    ['have names of its own', `import { process } from './process.ts'; function f(Buffer: number) { return process(Buffer); }`],
    ['use the rest of Math and Atomics', 'const a = Math.max(1, 2) + Atomics.load(b, 0);'],
  ])('%s', (_title, text) => {
    expect(problems('src/raft/step.ts', text)).toEqual([]);
  });

  test('use promises at the edge of the event log only', () => {
    const text = 'export async function append(): Promise<void> { await f(); }';

    expect(problems('src/eventlog/memory.ts', text)).toEqual([]);
    expect(problems('src/broker/append.ts', text)).not.toEqual([]);
  });
});

test('the folders of IO may use the machine', () => {
  expect(problems('src/system/clock.ts', 'export async function now() { await f(); return Date.now() + process.pid; }')).toEqual([]);
});
