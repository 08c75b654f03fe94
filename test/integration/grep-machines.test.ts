// Machines that search, seen from who asks: those that are missing, full or protected, files that are not to be read, and questions that mean harm.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { hashToken } from '../../src/gateway/http/index.ts';
import type { SearchRequest } from '../../src/query/index.ts';
import { type AnswerSink, decodeRequest } from '../../src/search/index.ts';
import { certificate } from '../support/certificate.ts';
import { freePorts } from '../support/free-ports.ts';
import { hostilePatterns } from '../support/grep-options.ts';
import { grep, type MachineOptions, oracle, runGrep, type SearchMachine, startMachine } from '../support/grep-rig.ts';
import { needsPrograms } from '../support/needs.ts';
import { searchPrograms } from '../support/search-processes.ts';
import { starter } from '../support/starter.ts';

const open: SearchMachine[] = [];
afterEach(() => Promise.all(open.splice(0).map((machine) => machine.close())));

async function machine(
  name: string,
  files: Readonly<Record<string, Uint8Array | string>>,
  options: MachineOptions = {},
): Promise<SearchMachine> {
  const started = await startMachine(name, files, options);
  open.push(started);
  return started;
}

const text = (bytes: Buffer): string => bytes.toString('latin1');

describe('who does not answer is named, and the rest is whole', () => {
  test('a machine where nobody listens', async () => {
    const here = await machine('m1', { 'a.log': 'yes\nno\n' });
    const [port] = await freePorts(1);

    const { stdout, stderr, status } = await grep(['yes'], [{ address: `127.0.0.1:${port}` }, here]);

    expect(text(stdout)).toBe('m1:a.log:yes\n');
    expect(stderr).toBe(`m1: 1 line in 1 file\ntotal: 1 line on 1 machine\nNo answer from 127.0.0.1:${port}: connection refused\n`);
    expect(status).toBe(2);
  });

  test('one that is full, which answers again afterwards', async () => {
    const here = await machine('m1', { 'a.log': 'yes\n' }, { settings: { searchesMax: 2 } });

    const answers = await Promise.all(Array.from({ length: 64 }, () => grep(['yes'], [here])));

    const full = answers.filter(({ status }) => status === 2);
    expect(answers.filter(({ status, stdout }) => status === 0 && text(stdout) === 'm1:a.log:yes\n').length).toBe(64 - full.length);
    expect(full.length).toBeGreaterThan(0);
    for (const { stderr } of full) expect(stderr).toMatch(/^127\.0\.0\.1:\d+ refuses: Cannot search: 2 searches are under way, the limit/m);
    expect((await grep(['yes'], [here])).status).toBe(0);
  });

  test('one that wants a token', async () => {
    const token = 't'.repeat(32);
    const here = await machine('m1', { 'a.log': 'yes\n', token }, { tokenHash: hashToken(token) });

    const refused = await grep(['yes'], [here]);
    const taken = await grep(['yes', '--token-file', path.join(here.folder, 'token')], [here]);

    expect(refused.stderr).toMatch(/^127\.0\.0\.1:\d+ refuses: .*the request has no bearer token/m);
    expect([refused.status, taken.status]).toEqual([2, 0]);
  });

  test('one with TLS and a token, which is searched by whoever has both', async () => {
    const token = 't'.repeat(32);
    const here = await machine(
      'm1',
      { 'a.log': 'yes\n', token, cert: certificate.cert },
      { tokenHash: hashToken(token), tls: certificate },
    );
    const at = { address: `https://localhost:${here.address.split(':')[1] ?? ''}` };
    const [tokenFile, caFile] = ['token', 'cert'].map((file) => path.join(here.folder, file)) as [string, string];

    const whole = await grep(['yes', '--token-file', tokenFile, '--ca-file', caFile], [at]);
    const without = await grep(['yes', '--ca-file', caFile], [at]);
    const untrusted = await grep(['yes', '--token-file', tokenFile], [at]);
    const plain = await grep(['yes', '--token-file', tokenFile], [here]);

    expect([text(whole.stdout), whole.status]).toEqual(['m1:a.log:yes\n', 0]);
    expect(without.stderr).toContain('refuses: ');
    expect(untrusted.stderr).toContain('No answer from localhost');
    expect([without.status, untrusted.status, plain.status]).toEqual([2, 2, 2]);
  });

  test('one without such files, unless nobody named it', async () => {
    const [here, there] = await Promise.all([
      machine('m1', { 'a.log': 'yes\n' }),
      machine('m2', {}, { exposures: () => [{ name: 'other', glob: '/nowhere/*' }] }),
    ]);

    const named = await grep(['yes'], [here, there]);
    const byDefault = await runGrep(['yes', '--files', 'app'], { CAIRN_MACHINES: `${here.address},two=${there.address}` });
    const nobody = await runGrep(['yes', '--files', 'none'], { CAIRN_MACHINES: there.address });

    expect(named.stderr).toContain('m2 refuses: Cannot search files "app": none are exposed under that name');
    expect([named.status, byDefault.status, nobody.status]).toEqual([2, 0, 2]);
    expect(byDefault.stderr).not.toContain('m2');
  });
});

test('two machines of one name are refused', async () => {
  const both = await Promise.all([machine('m1', { 'a.log': 'yes\n' }), machine('m1', { 'a.log': 'yes\n' })]);

  const { stderr, status } = await grep(['yes'], both);

  expect(stderr).toMatch(/^Cannot search: the machines at .* and .* both call themselves "m1"/);
  expect(status).toBe(2);
});

test('--on takes names, addresses and a file of them, none twice', async () => {
  const [one, two] = await Promise.all([machine('m1', { 'a.log': 'yes\n' }), machine('m2', { 'a.log': 'yes\n' })]);
  const hosts = path.join(one.folder, 'hosts');
  writeFileSync(hosts, `# ours\ntwo  # the second\n${one.address}\n`);

  const { stdout, status } = await runGrep(['yes', '--files', 'app', '--on', `one,@${hosts}`], {
    CAIRN_MACHINES: `one=${one.address},two=${two.address}`,
  });

  expect(text(stdout)).toBe('m1:a.log:yes\nm2:a.log:yes\n');
  expect(status).toBe(0);
});

test('a name that no configuration has is refused as one, though no server can be asked about it', async () => {
  const here = await machine('m1', { 'a.log': 'yes\n' });
  const [nobody] = await freePorts(1);

  const { stderr, status } = await runGrep(['yes', '--files', 'app', '--on', 'one,tow', '--server', `http://127.0.0.1:${nobody}`], {
    CAIRN_MACHINES: `one=${here.address}`,
  });

  expect(stderr).toContain('Cannot ask "tow": no machine of that name is known');
  expect(status).toBe(2);
});

test('beside those that are configured all that the server knows are asked', async () => {
  const [near, there] = await Promise.all([machine('m1', { 'a.log': 'yes\n' }), machine('m2', { 'a.log': 'yes\n' })]);
  const here = await machine('m3', {}, { machines: [near, there].map(({ address }) => ({ name: null, origin: `http://${address}` })) });
  const [nobody] = await freePorts(1);
  const asked = (server: readonly string[]) => runGrep(['yes', '--files', 'app', ...server], { CAIRN_MACHINES: `two=${there.address}` });

  const beside = await asked(['--server', `http://${here.address}`]);
  const unheard = await asked(['--server', `http://127.0.0.1:${nobody}`]);

  expect([text(beside.stdout), beside.status]).toEqual(['m2:a.log:yes\nm1:a.log:yes\n', 0]);
  // Who names a server means to have its answer.
  expect([text(unheard.stdout), unheard.status]).toEqual(['m2:a.log:yes\n', 2]);
  expect(unheard.stderr).toContain(`No answer from 127.0.0.1:${nobody}`);
});

test('a program asks one machine, which asks those that it knows and no others', async () => {
  const there = await machine('m2', { 'a.log': 'no\nyes \u00e9\n' });
  const here = await machine('m1', {}, { machines: [{ name: 'two', origin: `http://${there.address}` }] });
  const ask = async (body: object): Promise<string> => {
    const response = await fetch(`http://${here.address}/v1/grep`, { method: 'POST', body: JSON.stringify(body) });
    return response.text();
  };
  const search = { source: { kind: 'files', name: 'app' }, match: { patterns: ['yes'] } };

  const [line, ...rest] = (await ask({ ...search, on: ['two'] }))
    .trim()
    .split('\n')
    .map((each) => JSON.parse(each) as unknown);

  expect(line).toEqual({ type: 'match', machine: 'm2', file: 'a.log', line: 2, byteOffset: 3, text: 'yes \u00e9' });
  expect(rest.at(-1)).toEqual({ type: 'summary', selected: 1, isComplete: true });
  expect(await ask({ ...search, on: [here.address] })).toContain('is known here');
  expect(await ask({ ...search, source: { kind: 'files', name: 'nowhere' } })).toMatch(
    /\{"type":"summary".*"isComplete":false\}\n\{"type":"error","code":"unknownFiles","message":"Cannot search: none of 1 machines exposes.*"\}\n$/,
  );
  expect(await ask({ ...search, match: { patterns: ['yes'], unknown: true } })).toContain('there is no field \\"match.unknown\\"');
});

describe('what is exposed, and nothing else', () => {
  test('links that lead out of the list, folders and pipes are named and not read', async () => {
    const here = await machine('m1', { 'a.log': 'secret\n', 'outside.txt': 'secret\n' });
    symlinkSync(path.join(here.folder, 'outside.txt'), path.join(here.folder, 'b.log'));
    symlinkSync('a.log', path.join(here.folder, 'c.log'));
    mkdirSync(path.join(here.folder, 'd.log'));
    execFileSync('mkfifo', [path.join(here.folder, 'e.log')]);

    const { stdout, stderr, status } = await grep(['secret'], [here]);

    expect(text(stdout)).toBe('m1:a.log:secret\n');
    expect(stderr.split('\n')).toEqual([
      'm1: 1 line in 1 file',
      'total: 1 line on 1 machine',
      'Not all of the answer from m1: Cannot search all files: b.log is a link to a file that is not exposed; ' +
        'd.log: it is a folder; e.log: it is not a regular file',
      '',
    ]);
    expect(status).toBe(2);
  });

  test('what cannot be searched is neither counted nor listed, and the rest is', async () => {
    const here = await machine('m1', { 'a.log': 'x\n', 'b.log': 'y\n' });
    mkdirSync(path.join(here.folder, 'd.log'));
    const kinds = async (mode: string): Promise<unknown[]> =>
      text((await grep([mode, '--json', 'x'], [here])).stdout)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string; file?: string; count?: number; selected?: number })
        .flatMap(({ type, file, count, selected }) => (type === 'machine' ? [] : [[type, file ?? selected, count]]));

    const counted = await grep(['-c', 'x'], [here]);

    expect(text(counted.stdout)).toBe('m1:a.log:1\nm1:b.log:0\n');
    expect(counted.stderr).toContain('total: 1 line on 1 machine');
    expect(await kinds('-c')).toEqual([
      ['count', 'a.log', 1],
      ['count', 'b.log', 0],
      ['summary', 1, undefined],
    ]);
    expect((await kinds('-L')).slice(0, -1)).toEqual([['file', 'b.log', undefined]]);
  });

  test('a bracket may begin with what ends it', async () => {
    const files = { 'a.log': 'x\n', 'b.log': 'x\n', ']c.log': 'x\n' };
    const here = await machine('m1', files, {
      exposures: (folder) => [
        { name: 'others', glob: `${folder}/[!]b]*.log` },
        { name: 'these', glob: `${folder}/[]b]*.log` },
      ],
    });
    const asked = async (name: string): Promise<string> => text((await runGrep(['-l', 'x', '--files', name, '--on', here.address])).stdout);

    expect([await asked('others'), await asked('these')]).toEqual(['m1:a.log\n', 'm1:]c.log\nm1:b.log\n']);
  });

  test('a folder and a pipe are not files', async () => {
    const here = await machine('m1', { 'a.log': 'x\n' });
    execFileSync('mkfifo', [path.join(here.folder, 'e.log')]);

    expect((await grep(['x'], [here])).stderr).toContain('Not all of the answer from m1: e.log: it is not a regular file');
  });

  test('compressed files are unpacked', needsPrograms('grep'), async () => {
    const files = {
      'a.log.1.gz': gzipSync('yes\n'.repeat(100_000)),
      'a.log.2.zst': zstdCompressSync('yes\nno\n'),
      'a.log.3.gz': 'no gzip',
    };
    const here = await machine('m1', files, { exposures: (folder) => [{ name: 'app', glob: `${folder}/a.log*` }] });

    const { stdout, stderr, status } = await grep(['-c', 'yes'], [here]);

    expect(text(stdout)).toContain('m1:a.log.1.gz:100000\nm1:a.log.2.zst:1\n');
    expect(stderr).toContain('a.log.3.gz: it cannot be unpacked');
    expect(status).toBe(2);
  });
});

describe('a pattern is data', needsPrograms('grep'), () => {
  test.each(hostilePatterns)('%j', async (pattern) => {
    const here = await machine('m1', { 'a.log': `${hostilePatterns.join('\n')}\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac\n` });

    for (const dialect of ['-F', '-E']) {
      const args = [dialect, '-n', '-e', pattern];
      const [ours, theirs] = [await grep(args, [here]), oracle(args, [here], ['a.log'])];
      expect([text(ours.stdout), ours.status]).toEqual([text(theirs.stdout), theirs.status]);
    }
    expect(readdirSync(here.folder).toSorted()).toEqual(['a.log', 'oracle']);
  });

  test.each([
    ['with NUL', Buffer.from('b\0c\n')],
    ['that is not UTF-8', Buffer.from([0xff, 0xfe])],
    ['of 1 MB', Buffer.from(`${Array.from({ length: 150_000 }, (_, index) => index).join(' ')}\n`)],
    ['of 50,000 lines', Buffer.from('no such line\n'.repeat(50_000))],
    ['that is none at all', Buffer.alloc(0)],
  ])('from a file, %s', async (_what, patterns) => {
    const here = await machine('m1', {
      'a.log': Buffer.concat([Buffer.from('a\0b\0c\n'), Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from('x\n')]),
      patterns,
    });
    const args = ['-F', '-f', path.join(here.folder, 'patterns')];

    const [ours, theirs] = [await grep(args, [here]), oracle(args, [here], ['a.log'])];

    expect([text(ours.stdout), ours.status]).toEqual([text(theirs.stdout), theirs.status]);
  });
});

test('a search that is ended before it began leaves no file open and no patterns behind', async () => {
  const here = await machine('m1', { 'a.log': 'yes\n', 'b.log': 'yes\n' });
  for (const signal of [AbortSignal.abort(), new AbortController().signal]) {
    await here.searcher(quietSearch, noSink, signal).catch(() => undefined);
  }

  expect(openFiles(here.folder)).toEqual([]);
  expect(patternFiles(await starter.folder())).toEqual([]);
});

const noSink: AnswerSink = {
  begin: () => undefined,
  bytes: () => undefined,
  lines: () => undefined,
  note: () => undefined,
  reached: () => undefined,
  end: () => undefined,
};

const quietSearch = ((): SearchRequest => {
  const decoded = decodeRequest({ source: { kind: 'files', name: 'app' }, match: { patterns: ['yes'] }, output: { mode: 'quiet' } });
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
})();

const patternFiles = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith('patterns-'));

/** Files of a folder that this process has open. */
function openFiles(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const file = readlinkSync(`/proc/self/fd/${descriptor}`);
      return file.startsWith(`${folder}/`) ? [file] : [];
    } catch {
      return [];
    }
  });
}

test('when who asked is gone, so is what searched for him', async () => {
  const here = await machine('m1', { 'a.log': 'everywhere\n'.repeat(2_000_000) });
  const body = JSON.stringify({ source: { kind: 'files', name: 'app' }, match: { patterns: ['every'] } });
  const request = http.request(`http://${here.address}/v1/grep/local`, { method: 'POST', agent: false });
  request.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    request.on('response', (response) => {
      // Nobody takes the rest, so the program waits.
      response.once('data', () => {
        response.pause();
        resolve();
      });
    });
    request.end(body);
  });
  await expect.poll(() => searchPrograms(process.pid)).not.toEqual([]);

  request.destroy();

  await expect.poll(() => searchPrograms(process.pid)).toEqual([]);
});
